import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import type { Database } from '../database/tables.ts'
import { EmailTaken, PartnerExists, PartnerNotFound } from '../errors.ts'
import { canonicalJson } from '../http/canonical.ts'
import type { Outcome } from '../http/idempotency.ts'
import { maskDetails, openDetails, refuseMasked, sealDetails } from './payout-details.ts'
import { findPartner, insertPartner, updatePartner } from './queries.ts'
import type { NewPartner, Partner, PartnerChange, PartnerRow } from './schemas.ts'
import type { Vault } from './vault.ts'

/** A stored submission of this length is a plain digest; a sealed one is longer. */
export const digestLength = 32

/** Registers a partner once: the same submission again finds it, another under its id is a 409. */
export async function registerPartner(
  trx: Kysely<Database>,
  vault: Vault,
  submission: NewPartner,
): Promise<Outcome<{ partner: Partner }>> {
  const { id = `ptn_${uuid()}`, name, email, payout_details: details } = submission
  if (details !== undefined) refuseMasked(details)
  // The digest of a submission with secrets is itself sealed: a bank account can be guessed from its hash.
  const digest = hash('sha256', canonicalJson(submission), 'buffer')
  const inserted = await insertPartner(trx, {
    id,
    name,
    email,
    payout_details: details === undefined ? null : sealDetails(vault, details, id),
    submission: details === undefined ? digest : vault.seal(digest, id),
  })
  if (inserted !== undefined) return { status: 201, body: { partner: toPartner(vault, inserted) } }

  const found = await findPartner(trx, id)
  if (found === undefined) throw new EmailTaken()
  const original =
    found.submission.length === digestLength ? found.submission : vault.open(found.submission, id)
  if (!original.equals(digest)) throw new PartnerExists(id)
  return { status: 200, body: { partner: toPartner(vault, found) } }
}

export async function changePartner(
  trx: Kysely<Database>,
  vault: Vault,
  id: string,
  { payout_details: details, ...change }: PartnerChange,
): Promise<Partner> {
  if (details !== undefined) refuseMasked(details)
  const sealed = details === undefined ? {} : { payout_details: sealDetails(vault, details, id) }
  const changed = await updatePartner(trx, id, { ...change, ...sealed }).catch(refuseTakenEmail)
  if (changed === undefined) throw new PartnerNotFound(id)
  return toPartner(vault, changed)
}

export function toPartner(
  vault: Vault,
  { payout_details: sealed, submission: _, ...partner }: PartnerRow,
): Partner {
  return { ...partner, payout_details: sealed && maskDetails(openDetails(vault, sealed, partner.id)) }
}

function refuseTakenEmail(error: Error & { constraint?: string }): never {
  throw error.constraint === 'partners_email_taken' ? new EmailTaken({ cause: error }) : error
}

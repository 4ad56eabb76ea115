import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { EmailTaken, PartnerExists } from '../errors.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import { checkMetadata } from '../values/metadata.ts'
import type { WriteOutcome } from '../http/idempotency.ts'
import { toStoredEmail } from '../values/email.ts'
import { isEmpty, maskDetails, namesOf, openDetails, refuseMasked, sealDetails } from './payout-details.ts'
import { findPartner, insertPartner } from './queries.ts'
import type { NewPartner, Partner, PartnerRow } from './schemas.ts'
import type { Vault } from './vault.ts'

interface Registration {
  readonly vault: Vault
  readonly partner: NewPartner
  readonly actor: Actor
}

/** Registers a partner. The same submission again returns the stored partner. Errors: 400, 409. */
export async function registerPartner(
  trx: Kysely<Database>,
  { vault, partner, actor }: Registration,
): Promise<WriteOutcome<{ partner: Partner }>> {
  const { payout_details: details = {}, ...submission } = partner
  const { id = `ptn_${uuid()}`, name, group = null, metadata = null } = submission
  const { credit_after_leaving = true } = submission
  const email = submission.email ? toStoredEmail(submission.email) : null
  refuseMasked(details)
  checkMetadata(metadata)
  // The digest leaves out the payout details: a client could otherwise guess them by repeating the submission.
  // A field that is null is as good as one that is left out.
  const sent = Object.fromEntries(Object.entries(submission).filter(([, value]) => value !== null))
  const digest = hash('sha256', canonicalJson(sent), 'buffer')
  const inserted = await insertPartner(trx, {
    id,
    name,
    email,
    group,
    credit_after_leaving,
    metadata,
    payout_details: sealDetails(vault, details, id),
    submission: digest,
  })
  if (inserted === undefined) {
    const found = await findPartner(trx, id)
    if (found === undefined) throw new EmailTaken()
    if (!found.submission.equals(digest)) throw new PartnerExists(id)
    return answerOf(vault, 200, found)
  }
  const subject = { subject_kind: 'partner', subject_id: id } as const
  const { status } = inserted
  await insertAuditEntry(trx, actor, {
    action: 'partner.created',
    ...subject,
    after: { name, email, group, status, credit_after_leaving },
  })
  if (!isEmpty(details)) {
    await insertAuditEntry(trx, actor, { action: 'payout_details.set', ...subject, after: namesOf(details) })
  }
  return answerOf(vault, 201, inserted)
}

/** The answer to a write. The answer stored for replays has no payout details, because it may outlive their erasure. */
export function answerOf(
  vault: Vault,
  status: 200 | 201,
  row: PartnerRow,
): WriteOutcome<{ partner: Partner }> {
  const partner = toPartner(vault, row)
  return { status, body: { partner }, replay: { partner: { ...partner, payout_details: null } } }
}

export function toPartner(vault: Vault, { submission: _, has_left: __, ...row }: PartnerRow): Partner {
  return { ...toListed(vault, row), metadata: row.metadata }
}

export function toListed<Row extends ListedRow>(vault: Vault, { payout_details: sealed, ...partner }: Row) {
  return { ...partner, payout_details: sealed && maskDetails(openDetails(vault, sealed, partner.id)) }
}

type ListedRow = Pick<PartnerRow, 'id' | 'payout_details'>

import type { Kysely } from 'kysely'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import { namesOf, openDetails } from './payout-details.ts'
import { findPartner } from './queries.ts'
import type { PayoutDetails } from './schemas.ts'
import type { Vault } from './vault.ts'

interface Disclosure {
  readonly vault: Vault
  readonly id: string
  readonly actor: Actor
}

/** Decrypts a partner's payout details and writes an audit entry about it. Errors: 404. */
export async function revealDetails(
  trx: Kysely<Database>,
  { vault, id, actor }: Disclosure,
): Promise<PayoutDetails | null> {
  const partner = await findPartner(trx, id)
  if (partner === undefined) throw new PartnerNotFound(id)
  const details = partner.payout_details && openDetails(vault, partner.payout_details, id)
  await insertAuditEntry(trx, actor, {
    action: 'payout_details.read',
    subject_kind: 'partner',
    subject_id: id,
    after: namesOf(details ?? {}),
  })
  return details
}

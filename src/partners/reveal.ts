import type { Kysely } from 'kysely'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import { namesOf, openDetails } from './payout-details.ts'
import { findPartner } from './queries.ts'
import type { PayoutDetails } from './schemas.ts'
import type { Vault } from './vault.ts'

/** A partner's payout details in clear, and the record that somebody read them. Errors: 404. */
export async function revealDetails(
  trx: Kysely<Database>,
  vault: Vault,
  id: string,
  actor: Actor,
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

import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealNotFound } from '../errors.ts'
import { type Attribute, recordChanges } from '../record/versions.ts'
import { findAttribution } from './queries.ts'
import type { Attribution } from './schemas.ts'

/** Splits a deal again from its stored inputs; stores a version only if they changed. Errors: 404. */
export async function recalculate(
  trx: Kysely<Database>,
  attribute: Attribute,
  dealId: string,
): Promise<Attribution> {
  await lockDeals(trx, [dealId])
  await recordChanges(trx, { attribute, dealIds: [dealId], reason: 'recalculated' })
  const attribution = await findAttribution(trx, dealId)
  if (attribution === undefined) throw new DealNotFound(dealId)
  return { ...attribution, cached: false }
}

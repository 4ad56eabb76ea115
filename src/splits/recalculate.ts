import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealNotFound } from '../errors.ts'
import { causeOf } from '../record/cause.ts'
import type { ChangedDeal } from '../record/changes.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded } from '../record/recorded-deals.ts'
import { toAttribution } from './queries.ts'
import type { Attribution } from './schemas.ts'

interface Recalculation {
  readonly record: DealRecord
  readonly dealId: string
  readonly keyId: string
}

/** Splits a deal again from its stored inputs; stores a version only if they changed. Errors: 404. */
export async function recalculate(
  trx: Kysely<Database>,
  { record, dealId, keyId }: Recalculation,
): Promise<Attribution> {
  await lockDeals(trx, [dealId])
  const before = (await findRecorded(trx, [dealId])).get(dealId)
  if (before === undefined) throw new DealNotFound(dealId)
  const cause = causeOf({ api_key_ids: [keyId] })
  const changed = await record.change(trx, 'recalculated', [{ deal_id: dealId, before, cause }])
  return { ...toAttribution((changed.get(dealId) as ChangedDeal).split), cached: false }
}

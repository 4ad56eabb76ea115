import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { causeOf } from '../record/cause.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded } from '../record/recorded-deals.ts'
import { runSteps } from './run-steps.ts'

const dealsAtOnce = 100

/**
 * Makes a job that gives the deals of an earlier release their first commission, which posts what they owe. It works in
 * batches while the service runs; several instances may run it at once.
 */
export function createPosting(db: Kysely<Database>, record: DealRecord): () => Promise<void> {
  return () => runSteps(() => postBatch(db, record))
}

/** Posts the commissions of some deals. Returns whether there were any. */
async function postBatch(db: Kysely<Database>, record: DealRecord): Promise<boolean> {
  // A deal without a day posts with its day (fill-days.ts).
  const deals = await db
    .selectFrom('deals')
    .select('id')
    .where('commission_version', '=', 0)
    .where('closed_on', 'is not', null)
    .orderBy('id')
    .limit(dealsAtOnce)
    .execute()
  if (deals.length === 0) return false
  const ids = deals.map(({ id }) => id)
  await db.transaction().execute(async (trx) => {
    await lockDeals(trx, ids)
    // Another instance, or a change, may have posted some of them.
    const unposted = [...(await findRecorded(trx, ids)).values()].filter(
      ({ row }) => row.commission_version === 0,
    )
    const cause = causeOf({ api_key_ids: [], note: 'Posted to the ledger.' })
    await record.change(
      trx,
      'recalculated',
      unposted.map((before) => ({ deal_id: before.row.id, before, cause })),
    )
  })
  return true
}

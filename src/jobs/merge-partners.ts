import { type Kysely, sql, type Transaction } from 'kysely'
import { tryLockMerges } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import type { ConfirmTimeZone } from '../database/time-zone.ts'
import { keepTerms } from '../record/keep-terms.ts'
import { mergeOnDeal } from '../record/merge-deal.ts'
import type { DealRecord } from '../record/record.ts'
import type { Calendar } from '../values/calendar.ts'
import { runSteps } from './run-steps.ts'

interface Merging {
  readonly calendar: Calendar
  readonly record: DealRecord
  readonly confirmTimeZone: ConfirmTimeZone
}

/** Makes a job that moves the deals of merged partners. It goes on where an interrupted run ended. */
export function createMerging(db: Kysely<Database>, merging: Merging): () => Promise<void> {
  return () => runSteps(() => mergeNextDeal(db, merging))
}

/** Moves one deal of the oldest running merge, or finishes the merge. Returns whether there was one to move. */
export async function mergeNextDeal(
  db: Kysely<Database>,
  { calendar, record, confirmTimeZone }: Merging,
): Promise<boolean> {
  if ((await findRunning(db)) === undefined) return false
  await confirmTimeZone()
  return db.transaction().execute(async (trx) => {
    if (!(await tryLockMerges(trx))) return false
    const merge = await findRunning(trx)
    if (merge === undefined) return false
    const { partner_id: partnerId, into_id: into, reason, api_key_id: keyId } = merge
    if (merge.deals_total === null) await countDeals(trx, partnerId)
    const dealId = await findNextDeal(trx, partnerId)
    if (dealId === undefined) {
      await finish(trx, partnerId)
      return true
    }
    await mergeOnDeal(trx, record, { calendar, dealId, partnerId, into, reason, keyId })
    await trx
      .updateTable('partner_merges')
      .set({ deals_moved: sql`deals_moved + 1` })
      .where('partner_id', '=', partnerId)
      .execute()
    return true
  })
}

function findRunning(db: Kysely<Database>) {
  return db
    .selectFrom('partner_merges')
    .selectAll()
    .where('finished_at', 'is', null)
    .orderBy('created_at')
    .orderBy('partner_id')
    .limit(1)
    .executeTakeFirst()
}

// A moved deal is no longer in these lists. Void deals keep their agreed shares until they are reinstated.
const dealsWith = (partnerId: string) => sql`
  select deal_id from events where partner_id = ${partnerId}
  union all
  select deal_id from partner_deals join deals on deals.id = deal_id
  where partner_id = ${partnerId} and deals.voided_at is null`

async function findNextDeal(trx: Transaction<Database>, partnerId: string): Promise<string | undefined> {
  const { rows } = await sql<{ deal_id: string }>`${dealsWith(partnerId)} limit 1`.execute(trx)
  return rows[0]?.deal_id
}

// It counts every touchpoint of the partner, which may take longer than a request may.
async function countDeals(trx: Transaction<Database>, partnerId: string): Promise<void> {
  await sql`set local statement_timeout = '1min'`.execute(trx)
  await sql`
    update partner_merges set deals_total = (
      select count(distinct deal_id) from (${dealsWith(partnerId)}) as deals
    ) where partner_id = ${partnerId}`.execute(trx)
}

// It has nothing left by now, so that it leaves changes no split.
async function finish(trx: Transaction<Database>, partnerId: string): Promise<void> {
  const now = sql<string>`date_trunc('milliseconds', clock_timestamp())`
  const { status } = await trx
    .selectFrom('partners')
    .select('status')
    .where('id', '=', partnerId)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
  if (status === 'active') {
    const left_at = await keepTerms(trx, partnerId, Date.now())
    await trx
      .updateTable('partners')
      .set({ status: 'inactive', left_at, has_left: true, updated_at: now })
      .where('id', '=', partnerId)
      .execute()
  }
  await trx
    .updateTable('partner_merges')
    .set({ finished_at: now })
    .where('partner_id', '=', partnerId)
    .execute()
}

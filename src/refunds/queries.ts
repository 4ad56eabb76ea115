import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../values/money.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { Refund, RefundRow } from './schemas.ts'

/** The refunds with these ids, by id. */
export async function findRefunds(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RefundRow>> {
  const rows = await db
    .selectFrom('refunds')
    .selectAll()
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}

/** The refunds of a deal, in the order in which they were stored. */
export async function listRefunds(db: Kysely<Database>, dealId: string, query: PageQuery) {
  const start = readPageStart(query, 2)
  let select = db
    .selectFrom('refunds')
    .selectAll()
    .where('deal_id', '=', dealId)
    .orderBy('created_at')
    .orderBy('id')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (start.key !== undefined)
    select = select.where(sql<boolean>`(created_at, id) > (${start.key[0]}::timestamptz, ${start.key[1]})`)
  return toPage(await select.execute(), start, ({ created_at, id }) => [created_at, id])
}

/** How many refunds these deals have, void ones included; deals without refunds are left out. */
export async function countRefunds(
  db: Kysely<Database>,
  dealIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('refunds')
    .select(['deal_id', sql<number>`count(*)::int`.as('count')])
    .where('deal_id', '=', sql<string>`any(${dealIds}::text[])`)
    .groupBy('deal_id')
    .execute()
  return new Map(rows.map(({ deal_id, count }) => [deal_id, count]))
}

export type NewRefundRow = Omit<RefundRow, 'voided_at' | 'void_reason' | 'created_at'>

/** Returns the inserted rows: those whose id was not taken. */
export async function insertRefunds(
  db: Kysely<Database>,
  rows: readonly NewRefundRow[],
): Promise<readonly RefundRow[]> {
  if (rows.length === 0) return []
  return db
    .insertInto('refunds')
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .execute()
}

export function markRefundVoid(
  db: Kysely<Database>,
  id: string,
  change: { readonly voided_at: string; readonly void_reason: string },
): Promise<RefundRow> {
  return db.updateTable('refunds').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

/** The refund as the API returns it. `closedOn` is the day on which its deal counts. */
export function toRefund({ submission: _, amount_minor, ...row }: RefundRow, closedOn: string): Refund {
  return {
    ...row,
    amount: toMajor(amount_minor, row.currency),
    counted_on: row.refunded_on < closedOn ? closedOn : row.refunded_on,
  }
}

import { hash } from 'node:crypto'
import { type Kysely, sql, type Transaction } from 'kysely'
import { tryLockFreezing } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { firstDayOf } from './period-queries.ts'
import { toCsvEnd, toCsvLines, toCsvStart } from './statement-csv.ts'
import { findStatement, type MinorStatement, type StatementQuery } from './statement-queries.ts'

interface Account {
  readonly partner_id: string
  readonly currency: string
}

const accountsAtOnce = 500

/** Stores the statements of the earliest locked month that has none, in a transaction. Returns whether there was one. */
export function freezeNextMonth(db: Kysely<Database>): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    if (!(await tryLockFreezing(trx))) return false
    const { rows } = await sql<{ month: string }>`
      select to_char(month, 'YYYY-MM') as month from periods
      where not exists (select from frozen_months where frozen_months.month = periods.month)
      order by periods.month limit 1`.execute(trx)
    const [{ month } = {}] = rows
    if (month === undefined) return false
    for (let after: Account | undefined, isMore = true; isMore;) {
      const accounts = await listAccounts(trx, month, after)
      for (const account of accounts) await freezeStatement(trx, { ...account, month, as_of: null })
      isMore = accounts.length === accountsAtOnce
      after = accounts.at(-1)
    }
    await sql`insert into frozen_months (month) values (${firstDayOf(month)}::date)`.execute(trx)
    return true
  })
}

/** The partners and currencies that have something payable before the month, or a move in it. */
async function listAccounts(
  trx: Transaction<Database>,
  month: string,
  after: Account | undefined,
): Promise<readonly Account[]> {
  const { rows } = await sql<Account>`
    select partner_id, currency from (
      select partner_id, currency from ledger_moves where period = ${firstDayOf(month)}::date
      union
      select partner_id, currency from (
        select distinct on (partner_id, currency) partner_id, currency, closing_minor
        from statements where month < ${firstDayOf(month)}::date order by partner_id, currency, month desc
      ) as latest where closing_minor <> 0
    ) as accounts
    where ${after ? sql`(partner_id, currency) > (${after.partner_id}, ${after.currency})` : sql`true`}
    order by partner_id, currency limit ${accountsAtOnce}`.execute(trx)
  return rows
}

async function freezeStatement(trx: Transaction<Database>, query: StatementQuery): Promise<void> {
  const pieces: string[] = []
  let page: MinorStatement | undefined
  for (let cursor: string | null = null; page === undefined || cursor !== null;) {
    page = await findStatement(trx, query, cursor === null ? {} : { cursor })
    if (pieces.length === 0) pieces.push(toCsvStart(page))
    pieces.push(toCsvLines(page))
    cursor = page.pagination.next_cursor
  }
  const csv = [...pieces, toCsvEnd(page)].join('')
  const { partner_id, currency, month } = query
  const { rows } = await sql<{ digest: string }>`
    select encode(digest, 'hex') as digest from statements
    where partner_id = ${partner_id} and currency = ${currency} and month < ${firstDayOf(month)}::date
    order by month desc limit 1`.execute(trx)
  await trx
    .insertInto('statements')
    .values({
      partner_id,
      currency,
      month: firstDayOf(month),
      opening_minor: String(page.opening_minor),
      closing_minor: String(page.closing_minor),
      csv,
      digest: hash('sha256', `${rows[0]?.digest ?? ''}\n${csv}`, 'buffer'),
    })
    .execute()
}

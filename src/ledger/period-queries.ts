import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../values/money.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { Period } from './period-schemas.ts'

/** The first day of a month such as 2026-07. */
export function firstDayOf(month: string): string {
  return `${month}-01`
}

/** The month after a month. */
export function monthAfter(month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number]
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 7)
}

/** A month with the digest of its moves: of an open month those of now. */
export async function findPeriod(db: Kysely<Database>, month: string): Promise<Period> {
  const first = firstDayOf(month)
  const { rows } = await sql<Omit<Period, 'totals' | 'moves_count'> & { moves_count: bigint }>`
    select ${month} as month, locked_at is not null as is_locked, locked_at, locked_by, frozen_at,
      coalesce(moves_count, (select count(*) from ledger_moves where period = ${first}::date)) as moves_count,
      encode(coalesce(digest, ledger_digest(${first}::date)), 'hex') as digest
    from (select) as always left join periods on periods.month = ${first}::date
      left join frozen_months on frozen_months.month = ${first}::date`.execute(db)
  const { rows: totals } = await sql<{ currency: string; minor: string }>`
    select currency, sum(case credit when 'payable' then amount_minor else -amount_minor end) as minor
    from ledger_moves where period = ${first}::date group by currency order by currency`.execute(db)
  const [{ moves_count, ...period }] = rows as [(typeof rows)[0]]
  return {
    ...period,
    moves_count: Number(moves_count),
    totals: totals.map(({ currency, minor }) => ({ currency, amount: toMajor(BigInt(minor), currency) })),
  }
}

/** The locked months, the latest first. */
export async function listPeriods(db: Kysely<Database>, query: PageQuery) {
  const start = readPageStart(query, 1)
  const { rows } = await sql<Omit<Period, 'totals' | 'is_locked'>>`
    select to_char(month, 'YYYY-MM') as month, locked_at, locked_by, frozen_at, moves_count::float8 as moves_count,
      encode(digest, 'hex') as digest
    from periods left join frozen_months using (month)
    where ${start.key ? sql`month < ${start.key[0]}::date` : sql`true`}
    order by periods.month desc limit ${start.limit + 1} offset ${start.offset ?? 0}`.execute(db)
  return toPage(rows, start, ({ month }) => [firstDayOf(month)])
}

/** A month with the moves that a snapshot has. */
export interface MeasuredMonth {
  readonly month: string
  readonly moves_count: bigint
  readonly digest: Buffer
}

/** The open months from that of the first move up to this one, which is always among them. */
export async function measureOpenMonths(
  trx: Kysely<Database>,
  lastMonth: string,
): Promise<readonly MeasuredMonth[]> {
  const last = firstDayOf(lastMonth)
  const { rows } = await sql<MeasuredMonth>`
    select month, (select count(*) from ledger_moves where period = month) as moves_count, ledger_digest(month) as digest
    from (
      select coalesce((select max(month) + interval '1 month' from periods),
        least((select min(period) from ledger_moves), ${last}::date)::timestamp) as first
    ) as open
      cross join lateral generate_series(first, ${last}::timestamp, interval '1 month') as at
      cross join lateral (select at::date as month) as day
    order by month`.execute(trx)
  return rows
}

/** How many moves each of these months has. */
export async function countMoves(
  trx: Kysely<Database>,
  months: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await sql<{ period: string; count: bigint }>`
    select period, count(*) as count from ledger_moves where period = any(${months}::date[]) group by period`.execute(
    trx,
  )
  return new Map(rows.map(({ period, count }) => [period, count]))
}

/** Whether every deal has posted what it owes: deals of an earlier release do so by a job. */
export async function isLedgerReady(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql`select id from deals where commission_version = 0 limit 1`.execute(db)
  return rows.length === 0
}

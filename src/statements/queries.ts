import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../values/money.ts'
import { type PageQuery, type PageStart, readPageStart, toPage } from '../values/pagination.ts'
import type { Statement, StatementChange, StatementLine } from './schemas.ts'

export type StatementQuery = Pick<Statement, 'partner_id' | 'month' | 'currency' | 'as_of'>

const mostChanges = 50

interface LineRow extends ChangeRow {
  deal_id: string
  closed_date: string
  percentage_bp: number
  earlier: ChangeRow[] | null
}

type ChangeRow = Omit<StatementChange, 'payout'> & { payout_minor: bigint | number }

type InMinorUnits<Row> = Omit<Row, 'payout'> & { readonly payout_minor: bigint }
type MinorLine = InMinorUnits<Omit<StatementLine, 'changes'>> & {
  readonly changes: readonly InMinorUnits<StatementChange>[]
}

/** A statement with its money in minor units. */
export type MinorStatement = Omit<Statement, 'lines' | 'total_payout'> & {
  readonly lines: readonly MinorLine[]
  readonly total_minor: bigint
}

/** A line of the page with the total of all lines. If the page has no lines, one row has the total and nulls. */
type StatementRow = { total_minor: string } & (LineRow | Record<keyof LineRow, null>)

/** The deals that closed in a month and credit a partner, with their current payouts or those at an instant. */
export async function findStatement(
  db: Kysely<Database>,
  query: StatementQuery,
  page: PageQuery,
): Promise<MinorStatement> {
  const start = readPageStart({ limit: 1000, ...page }, 2)
  const rows = await listRows(db, query, start)
  const lines = rows.filter((row): row is StatementRow & LineRow => row.deal_id !== null)
  const { page: shown, pagination } = toPage(lines, start, (line) => [line.closed_date, line.deal_id])
  return {
    ...query,
    lines: shown.map(toLine),
    total_minor: BigInt(rows[0]?.total_minor ?? 0),
    pagination,
  }
}

/** The statement as the API returns it: money in units of its currency. */
export function toStatement({ lines, total_minor, ...statement }: MinorStatement): Statement {
  const { currency } = statement
  const inUnits = <Row extends { readonly payout_minor: bigint }>({ payout_minor, ...row }: Row) => ({
    ...row,
    payout: toMajor(payout_minor, currency),
  })
  return {
    ...statement,
    lines: lines.map((line) => ({ ...inUnits(line), changes: line.changes.map(inUnits) })),
    total_payout: toMajor(total_minor, currency),
  }
}

async function listRows(
  db: Kysely<Database>,
  { partner_id, month, currency, as_of }: StatementQuery,
  { limit, key }: PageStart,
): Promise<readonly StatementRow[]> {
  const starts = `${month}-01T00:00:00Z`
  const recordedBy = as_of ?? 'infinity'
  const isLater = key && sql`(closed_date, deal_id) > (${key[0]}::timestamptz, ${key[1]})`
  // The versions of a deal follow one another in time: a version is the latest if the next one is not recorded yet.
  const { rows } = await sql<StatementRow>`
    with lines as materialized (
      select payouts.deal_id, payouts.closed_date, payouts.percentage_bp, payouts.version, reason, calculated_at,
        payout_minor
      from payouts join attributions on attributions.deal_id = payouts.deal_id
        and attributions.version = payouts.version and attributions.calculated_at <= ${recordedBy}
      where payouts.partner_id = ${partner_id} and payouts.currency = ${currency}
        and payouts.closed_date >= ${starts}
        and payouts.closed_date < (${starts}::timestamptz at time zone 'UTC' + interval '1 month') at time zone 'UTC'
        and not exists (
          select from attributions as next where next.deal_id = payouts.deal_id
            and next.version = payouts.version + 1 and next.calculated_at <= ${recordedBy})
    ), page as (
      select * from lines where ${isLater ?? sql`true`} order by closed_date, deal_id limit ${limit + 1}
    )
    select page.*, total_minor, case when version > 1 then (
      select json_agg(json_build_object('version', past.version, 'reason', past.reason,
        'calculated_at', past.calculated_at, 'payout_minor', past.payout_minor) order by past.version)
      from (
        select attributions.version, reason, calculated_at, coalesce(payout_minor, 0) as payout_minor
        from attributions left join payouts on payouts.deal_id = attributions.deal_id
          and payouts.version = attributions.version and payouts.partner_id = ${partner_id}
        where attributions.deal_id = page.deal_id and attributions.version < page.version
        order by attributions.version desc limit ${mostChanges - 1}
      ) as past
    ) end as earlier
    from (select coalesce(sum(payout_minor), 0) as total_minor from lines) as totals left join page on true
    order by closed_date, deal_id`.execute(db)
  return rows
}

function toLine({ deal_id, closed_date, percentage_bp, earlier, ...last }: LineRow): MinorLine {
  const changes = [...(earlier ?? []), last].map(({ version, reason, calculated_at, payout_minor }) => ({
    version,
    reason,
    calculated_at: new Date(calculated_at).toISOString(),
    payout_minor: BigInt(payout_minor),
  }))
  return {
    deal_id,
    closed_date,
    version: last.version,
    percentage: percentage_bp / 100,
    payout_minor: BigInt(last.payout_minor),
    changes,
    // Versions are numbered without gaps.
    changes_count: last.version,
  }
}

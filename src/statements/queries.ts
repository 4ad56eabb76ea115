import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { isSurelyOn, mayBeOn } from '../deals/period-queries.ts'
import type { Days } from '../values/periods.ts'
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

/** The deals that closed in a month of `TIME_ZONE` and credit a partner, with their current shares or those at an instant. */
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
  const days = daysOf(month)
  const recordedBy = as_of ?? 'infinity'
  const isLater = key && sql`(closed_date, deal_id) > (${key[0]}::timestamptz, ${key[1]})`
  // The versions of a deal follow one another in time: a version is the latest if the next one is not recorded yet.
  const { rows } = await sql<StatementRow>`
    with credited as materialized (
      select shares.deal_id, shares.closed_date, shares.percentage_bp, shares.version, reason, calculated_at,
        payout_minor, closed_all_day, closed_on
      from shares join attributions on attributions.deal_id = shares.deal_id
        and attributions.version = shares.version and attributions.calculated_at <= ${recordedBy}
      where shares.partner_id = ${partner_id} and shares.currency = ${currency}
        and ${mayBeOn(days, sql.ref('shares.closed_date'))}
        and not exists (
          select from attributions as next where next.deal_id = shares.deal_id
            and next.version = shares.version + 1 and next.calculated_at <= ${recordedBy})
    ), lines as materialized (
      select deal_id, closed_date, percentage_bp, version, reason, calculated_at, payout_minor from credited
      where ${isSurelyOn(days, sql.ref('closed_date'))} or ${closedOn} between ${days.first} and ${days.last}
    ), page as (
      select * from lines where ${isLater ?? sql`true`} order by closed_date, deal_id limit ${limit + 1}
    )
    select page.*, total_minor, case when version > 1 then (
      select json_agg(json_build_object('version', past.version, 'reason', past.reason,
        'calculated_at', past.calculated_at, 'payout_minor', past.payout_minor) order by past.version)
      from (
        select attributions.version, reason, calculated_at, coalesce(payout_minor, 0) as payout_minor
        from attributions left join shares on shares.deal_id = attributions.deal_id
          and shares.version = attributions.version and shares.partner_id = ${partner_id}
        where attributions.deal_id = page.deal_id and attributions.version < page.version
        order by attributions.version desc limit ${mostChanges - 1}
      ) as past
    ) end as earlier
    from (select coalesce(sum(payout_minor), 0) as total_minor from lines) as totals left join page on true
    order by closed_date, deal_id`.execute(db)
  return rows
}

// The day of a version. That of the current one is the day of the deal, so that statements agree with reports. A version
// of an earlier release has none: it is on the day of its deal, unless the deal closes at another time since.
const closedOn = sql`coalesce((
    select closed_on from deals where deals.id = credited.deal_id and (deals.version = credited.version
      or (credited.closed_on is null
        and (credited.closed_date, credited.closed_all_day) = (deals.closed_date, deals.closed_all_day)))
  ), credited.closed_on, (credited.closed_date at time zone 'UTC')::date)`

function daysOf(month: string): Required<Days> {
  const [year, number] = month.split('-').map(Number) as [number, number]
  const last = new Date(Date.UTC(year, number, 0)).getUTCDate()
  return { first: `${month}-01`, last: `${month}-${last}` }
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

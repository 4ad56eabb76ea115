import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../values/money.ts'
import { type PageQuery, type PageStart, readPageStart, toPage } from '../values/pagination.ts'
import { firstDayOf } from './period-queries.ts'
import type { Statement, StatementLine } from './statement-schemas.ts'

export type StatementQuery = Pick<Statement, 'partner_id' | 'month' | 'currency' | 'as_of'>

const money = ['amount', 'before', 'after', 'deal_amount', 'refunded_amount', 'payout'] as const
type Amounts = (typeof money)[number]
type MinorLine = Omit<StatementLine, Amounts> & Readonly<Record<`${Amounts}_minor`, bigint>>

/** A statement with its money in minor units. */
export type MinorStatement = Omit<Statement, 'lines' | 'opening' | 'closing'> & {
  readonly lines: readonly MinorLine[]
  readonly opening_minor: bigint
  readonly closing_minor: bigint
}

interface LineRow extends Omit<MinorLine, 'percentage'> {
  readonly percentage_bp: number
  readonly source_version: number
  readonly line: number
}
interface Totals {
  readonly opening_minor: string
  readonly closing_minor: string
  readonly is_locked: boolean
  readonly digest: string | null
}
/** A line of the page with the totals. If the page has no lines, one row has the totals and nulls. */
type Row = Totals & (LineRow | Record<keyof LineRow, null>)

/** What the ledger says of a partner in a month, now or at an instant. */
export async function findStatement(
  db: Kysely<Database>,
  query: StatementQuery,
  page: PageQuery,
): Promise<MinorStatement> {
  const start = readPageStart({ limit: 1000, ...page }, 4)
  const rows = await listRows(db, query, start)
  const { opening_minor, closing_minor, is_locked, digest } = rows[0] as Row
  const lines = rows.filter((row): row is Totals & LineRow => row.deal_id !== null)
  const { page: shown, pagination } = toPage(
    lines,
    start,
    ({ effective_on, deal_id, source_version, line }) => [
      effective_on,
      deal_id,
      String(source_version),
      String(line),
    ],
  )
  return {
    ...query,
    is_locked,
    opening_minor: BigInt(opening_minor),
    closing_minor: BigInt(closing_minor),
    digest: query.as_of === null ? digest : null,
    lines: shown.map(toLine),
    pagination,
  }
}

/** The statement as the API returns it: money in units of its currency. */
export function toStatement({
  lines,
  opening_minor,
  closing_minor,
  ...statement
}: MinorStatement): Statement {
  const { currency } = statement
  return {
    ...statement,
    opening: toMajor(opening_minor, currency),
    closing: toMajor(closing_minor, currency),
    lines: lines.map((line) => {
      const inUnits = money.map((name) => [name, toMajor(line[`${name}_minor`], currency)])
      return { ...line, ...(Object.fromEntries(inUnits) as Record<Amounts, number>) }
    }),
  }
}

function toLine({ percentage_bp, ...line }: LineRow): MinorLine {
  return { ...line, percentage: percentage_bp / 100 }
}

const signed = sql`case credit when 'payable' then amount_minor else -amount_minor end`

async function listRows(
  db: Kysely<Database>,
  { partner_id, month, currency, as_of }: StatementQuery,
  { limit, key }: PageStart,
): Promise<readonly Row[]> {
  const period = sql`${firstDayOf(month)}::date`
  const ofPartner = sql`partner_id = ${partner_id} and currency = ${currency} and posted_at <= ${as_of ?? 'infinity'}`
  const isLater =
    key &&
    sql`(effective_on, deal_id, source_version, line) > (${key[0]}::date, ${key[1]}, ${key[2]}::integer, ${key[3]}::integer)`
  const { rows } = await sql<Row>`
    with totals as (
      select coalesce(sum(${signed}) filter (where period < ${period}), 0) as opening_minor,
        coalesce(sum(${signed}), 0) as closing_minor,
        exists (select from periods where month >= ${period}) as is_locked,
        (select encode(digest, 'hex') from statements
          where partner_id = ${partner_id} and currency = ${currency} and month = ${period}) as digest
      from ledger_moves where ${ofPartner} and period <= ${period}
    ), page as (
      select * from ledger_moves where ${ofPartner} and period = ${period} and ${isLater ?? sql`true`}
      order by effective_on, deal_id, source_version, line limit ${limit + 1}
    )
    select totals.*, kind, page.deal_id, name as deal_name, effective_on, source_version, line, posted_at,
      case credit when 'payable' then page.amount_minor else -page.amount_minor end as amount_minor,
      case when earlier_split.currency = page.currency then coalesce(earlier.commission_minor, 0) else 0 end as before_minor,
      case when split.currency = page.currency then coalesce(own.commission_minor, 0) else 0 end as after_minor,
      case when split.calculated_at = owed.calculated_at
        then split.reason when owed.version = 1 then 'closed' else 'amended' end as reason,
      owed.cause ->> 'note' as note, owed.version as commission_version, split.version as split_version,
      split.amount_minor + split.refunded_minor as deal_amount_minor,
      split.refunded_minor as refunded_amount_minor, split.attribution_model, coalesce(percentage_bp, 0) as percentage_bp,
      coalesce(payout_minor, 0) as payout_minor, owed.plan_id, rules -> own.rule ->> 'rate' as rate
    from totals left join page on true
      left join deals on deals.id = page.deal_id
      left join commission_versions as owed on owed.deal_id = page.deal_id and owed.version = source_version
      left join attributions as split on split.deal_id = page.deal_id and split.version = owed.split_version
      left join shares on shares.deal_id = page.deal_id and shares.version = split.version
        and shares.partner_id = page.partner_id
      left join commission_lines as own on own.deal_id = page.deal_id and own.version = owed.version
        and own.partner_id = page.partner_id
      left join commission_plan_versions as plan on plan.plan_id = owed.plan_id and plan.version = owed.plan_version
      left join commission_lines as earlier on earlier.deal_id = page.deal_id and earlier.version = owed.version - 1
        and earlier.partner_id = page.partner_id
      left join commission_versions as earlier_owed on earlier_owed.deal_id = page.deal_id
        and earlier_owed.version = owed.version - 1
      left join attributions as earlier_split on earlier_split.deal_id = page.deal_id
        and earlier_split.version = earlier_owed.split_version
    order by effective_on, page.deal_id, source_version, line`.execute(db)
  return rows
}

/** The CSV of a locked month as it was stored. */
export async function findFrozenCsv(
  db: Kysely<Database>,
  { partner_id, month, currency }: Omit<StatementQuery, 'as_of'>,
): Promise<string | undefined> {
  const stored = await db
    .selectFrom('statements')
    .select('csv')
    .where('partner_id', '=', partner_id)
    .where('currency', '=', currency)
    .where('month', '=', firstDayOf(month))
    .executeTakeFirst()
  return stored?.csv
}

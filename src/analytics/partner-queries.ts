import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import { halfUp, toMajor } from '../values/money.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import { dealRollups, partnerRollups, partnerTouchpointRollups } from '../rollups/rollups.ts'
import { selectPeriod } from '../rollups/select-period.ts'
import { toAmounts } from '../deals/queries.ts'
import { countByType, type ReportPeriod } from './queries.ts'
import type { CreditedDeal, PartnerMonth, PartnerOrder, PartnerRank, TouchpointCount } from './schemas.ts'
import type { Sums } from './queries.ts'

const creditedDeals = 100

const nameOf = sql`(select name from partners where partners.id = ranks.id)`

// The ascending sort expression of each order; ids break ties.
const orders: Readonly<Record<PartnerOrder, { by: RawBuilder<unknown>; type: RawBuilder<unknown> }>> = {
  payout: { by: sql`-payout_minor`, type: sql`numeric` },
  deals: { by: sql`-deals_count`, type: sql`integer` },
  name: { by: sql`${nameOf} collate "C"`, type: sql`text` },
}

/** The partners that the deals of a period credit, in the order of `sort`. */
export async function rankPartners(
  db: Kysely<Database>,
  { currency, ...period }: ReportPeriod,
  { sort = 'payout', ...query }: PageQuery & { readonly sort?: PartnerOrder | undefined },
) {
  const start = readPageStart(query, 3)
  const { by, type } = orders[sort]
  const [order, place, id] = start.key ?? []
  if (order !== undefined && order !== sort) throw invalid([foreignCursor])
  const { rows } = await sql<RankRow>`
    select *, ${nameOf} as name, ${by} as place, (
      select sum(revenue_minor) from ${selectPeriod(dealRollups, period, sql`currency = ${currency}`)}
    ) as revenue_minor from (
      select partner_id as id, sum(deals)::int as deals_count, sum(payout_minor) as payout_minor,
        sum(commission_minor) as commission_minor, sum(percentage_bp) as percentage_bp, count(*) over ()::int as total
      from ${selectPeriod(partnerRollups, period, sql`currency = ${currency}`)}
      group by partner_id having sum(deals) > 0
    ) as ranks
    where ${order === undefined ? sql`true` : sql`(${by}, id) > (${place}::${type}, ${id})`}
    order by place, id limit ${start.limit + 1} offset ${start.offset ?? 0}`.execute(db)
  const { page, pagination } = toPage(rows, { ...start, total: rows[0]?.total }, (row) => [
    sort,
    String(row.place),
    row.id,
  ])
  return { partners: page.map((row) => toRank(row, currency)), pagination }
}

const foreignCursor = { pointer: 'cursor', detail: 'This cursor belongs to another sort order.' }

type RankRow = Pick<PartnerRank, 'id' | 'name' | 'deals_count'> &
  Sums<'payout_minor' | 'commission_minor' | 'percentage_bp' | 'revenue_minor'> & {
    place: string | number
    total: number
  }

function toRank({ id, name, deals_count, ...row }: RankRow, currency: string): PartnerRank {
  return {
    id,
    name,
    deals_count,
    total_payout: toMajor(BigInt(row.payout_minor), currency),
    total_commission: toMajor(BigInt(row.commission_minor), currency),
    revenue_share_pct: percentOf(BigInt(row.payout_minor), BigInt(row.revenue_minor)),
    avg_attribution_pct: Number(halfUp(BigInt(row.percentage_bp), BigInt(deals_count))) / 100,
  }
}

function percentOf(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number(halfUp(10_000n * part, whole)) / 100
}

/** All touchpoints of a partner by type. */
export async function countTouchpointsOf(
  db: Kysely<Database>,
  partnerId: string,
): Promise<TouchpointCount[]> {
  return countByType(db, selectPeriod(partnerTouchpointRollups, {}, sql`partner_id = ${partnerId}`))
}

/** The deals that credit a partner, newest close first. */
export async function listCreditedDeals(
  db: Kysely<Database>,
  partnerId: string,
  currency: string,
): Promise<CreditedDeal[]> {
  const rows = await db
    .selectFrom('shares')
    .innerJoin('deals', (join) =>
      join.onRef('deals.id', '=', 'shares.deal_id').onRef('deals.version', '=', 'shares.version'),
    )
    .select([
      'deals.id',
      'deals.amount_minor',
      'deals.refunded_minor',
      'deals.currency',
      'deals.closed_date',
      'deals.attribution_model',
      'shares.percentage_bp',
      'shares.payout_minor',
    ])
    .where('shares.partner_id', '=', partnerId)
    .where('shares.currency', '=', currency)
    .orderBy('shares.closed_date', 'desc')
    .orderBy('shares.deal_id', 'desc')
    .limit(creditedDeals)
    .execute()
  return rows.map(({ amount_minor, refunded_minor, payout_minor, percentage_bp, ...deal }) => ({
    ...deal,
    ...toAmounts({ amount_minor, refunded_minor, currency: deal.currency }),
    percentage: percentage_bp / 100,
    payout: toMajor(payout_minor, deal.currency),
  }))
}

interface MonthsQuery {
  readonly partnerId: string
  readonly currency: string
  /** The date of the last month. */
  readonly today: string
}

/** A partner's last twelve months, oldest first; months without deals have 0. */
export async function listMonths(
  db: Kysely<Database>,
  { partnerId, currency, today }: MonthsQuery,
): Promise<PartnerMonth[]> {
  const { rows } = await sql<Pick<PartnerMonth, 'month' | 'deals_count'> & Sums<'payout_minor'>>`
    with months as (
      select generate_series(last - interval '11 months', last, interval '1 month')::date as month
      from date_trunc('month', ${today}::timestamp) as last
    )
    select to_char(month, 'YYYY-MM') as month, coalesce(sum(deals), 0)::int as deals_count,
      coalesce(sum(payout_minor), 0) as payout_minor
    from months left join (
      select starts, deals, payout_minor from partner_rollups
      where partner_id = ${partnerId} and currency = ${currency} and span = 'month'
        and starts >= (select min(month) from months)
      union all
      select date_trunc('month', day::timestamp)::date, deals, payout_minor from partner_deltas
      where partner_id = ${partnerId} and currency = ${currency}
    ) as figures on starts = month
    group by month order by month`.execute(db)
  return rows.map(({ payout_minor, ...row }) => ({
    ...row,
    total_payout: toMajor(BigInt(payout_minor), currency),
  }))
}

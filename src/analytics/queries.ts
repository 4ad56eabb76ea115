import { type Kysely, type RawBuilder, sql } from 'kysely'
import { touchpointTypes } from '../attribution/journey.ts'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import { toMajor } from '../http/money.ts'
import { type PageQuery, startOf, toPage } from '../http/pages.ts'
import type { Period as Instants } from '../rollups/cover.ts'
import { figuresOf } from '../rollups/read.ts'
import {
  dealRollups,
  partnerRollups,
  partnerTouchpointRollups,
  touchpointRollups,
} from '../rollups/rollups.ts'
import type {
  Analytics,
  CreditedDeal,
  ModelUse,
  PartnerMonth,
  PartnerOrder,
  PartnerRank,
  RecentDeal,
  TouchpointCount,
} from './schemas.ts'

/** Deals of one currency that closed in `[from, before)`; void ones are never among them. */
export interface Period extends Instants {
  readonly currency: string
}

const recentDeals = 10
const creditedDeals = 100

/** The deals of a period, by model and all together. */
export async function findOverview(
  db: Kysely<Database>,
  { currency, ...period }: Period,
): Promise<Pick<Analytics, 'overview' | 'models'>> {
  const { rows } = await sql<
    Pick<ModelUse, 'attribution_model' | 'count'> & Sums<'revenue_minor' | 'unattributed_minor'>
  >`
    select attribution_model, sum(deals)::int as count, sum(revenue_minor) as revenue_minor,
      sum(unattributed_minor) as unattributed_minor
    from ${figuresOf(dealRollups, period, sql`currency = ${currency}`)}
    group by attribution_model having sum(deals) > 0 order by count desc, attribution_model`.execute(db)
  const deals = rows.reduce((sum, { count }) => sum + count, 0)
  const revenue = rows.reduce((sum, row) => sum + BigInt(row.revenue_minor), 0n)
  const unattributed = rows.reduce((sum, row) => sum + BigInt(row.unattributed_minor), 0n)
  return {
    overview: {
      total_deals: deals,
      total_revenue: toMajor(revenue, currency),
      unattributed: toMajor(unattributed, currency),
      avg_deal_size: toMajor(deals === 0 ? 0n : halfUp(revenue, BigInt(deals)), currency),
    },
    models: rows.map(({ attribution_model, count, revenue_minor }) => ({
      attribution_model,
      count,
      total_amount: toMajor(BigInt(revenue_minor), currency),
    })),
  }
}

// What each order goes by, upwards; ids break its ties.
const orders: Readonly<Record<PartnerOrder, { by: RawBuilder<unknown>; type: RawBuilder<unknown> }>> = {
  payout: { by: sql`-payout_minor`, type: sql`numeric` },
  deals: { by: sql`-deals_count`, type: sql`integer` },
  name: { by: sql`name collate "C"`, type: sql`text` },
}

/** The partners whom the deals of a period credit, those with the most first. */
export async function rankPartners(
  db: Kysely<Database>,
  { currency, ...period }: Period,
  { sort = 'payout', ...query }: PageQuery & { readonly sort?: PartnerOrder | undefined },
) {
  const start = startOf(query, 3)
  const { by, type } = orders[sort]
  const [order, place, id] = start.key ?? []
  if (order !== undefined && order !== sort) throw invalid(foreignCursor)
  const { rows } = await sql<RankRow>`
    select *, ${by} as place from (
      select partner_id as id, (select name from partners where partners.id = partner_id) as name,
        sum(deals)::int as deals_count, sum(payout_minor) as payout_minor, sum(percentage_bp) as percentage_bp
      from ${figuresOf(partnerRollups, period, sql`currency = ${currency}`)}
      group by partner_id having sum(deals) > 0
    ) as ranks
    where ${order === undefined ? sql`true` : sql`(${by}, id) > (${place}::${type}, ${id})`}
    order by place, id limit ${start.limit + 1} offset ${start.offset ?? 0}`.execute(db)
  const { page, pagination } = toPage(rows, start, (row) => [sort, String(row.place), row.id])
  return { partners: page.map((row) => toRank(row, currency)), pagination }
}

const foreignCursor = { pointer: 'cursor', detail: 'This is no cursor of this order.' }

type RankRow = Pick<PartnerRank, 'id' | 'name' | 'deals_count'> &
  Sums<'payout_minor' | 'percentage_bp'> & { place: string | number }

function toRank({ id, name, deals_count, ...row }: RankRow, currency: string): PartnerRank {
  return {
    id,
    name,
    deals_count,
    total_payout: toMajor(BigInt(row.payout_minor), currency),
    avg_attribution_pct: Number(halfUp(BigInt(row.percentage_bp), BigInt(deals_count))) / 100,
  }
}

/** Touchpoints of a period by type; every type is there, at 0 too. */
export async function countTouchpoints(db: Kysely<Database>, period: Instants): Promise<TouchpointCount[]> {
  return countByType(db, figuresOf(touchpointRollups, period, sql`true`))
}

/** All touchpoints of a partner by type. */
export async function countTouchpointsOf(
  db: Kysely<Database>,
  partnerId: string,
): Promise<TouchpointCount[]> {
  return countByType(db, figuresOf(partnerTouchpointRollups, {}, sql`partner_id = ${partnerId}`))
}

async function countByType(db: Kysely<Database>, figures: RawBuilder<unknown>): Promise<TouchpointCount[]> {
  const { rows } = await sql<TouchpointCount>`
    select touchpoint_type, sum(touchpoints)::int as count from ${figures} group by touchpoint_type`.execute(
    db,
  )
  const counts = new Map(rows.map(({ touchpoint_type, count }) => [touchpoint_type, count]))
  return touchpointTypes.map((touchpoint_type) => ({
    touchpoint_type,
    count: counts.get(touchpoint_type) ?? 0,
  }))
}

export async function listRecentDeals(
  db: Kysely<Database>,
  { currency, from, before }: Period,
): Promise<RecentDeal[]> {
  let query = db
    .selectFrom('deals')
    .select(['id', 'amount_minor', 'currency', 'closed_date', 'attribution_model'])
    .select(
      sql<number>`(select count(*)::int from events where deal_id = deals.id and voided_at is null)`.as(
        'touchpoints_count',
      ),
    )
    .where('voided_at', 'is', null)
    .where('currency', '=', currency)
    .orderBy('closed_date', 'desc')
    .orderBy('id', 'desc')
    .limit(recentDeals)
  if (from !== undefined) query = query.where('closed_date', '>=', from)
  if (before !== undefined) query = query.where('closed_date', '<', before)
  const rows = await query.execute()
  return rows.map(({ amount_minor, ...deal }) => ({ ...deal, amount: toMajor(amount_minor, deal.currency) }))
}

/** The currencies that deals are in. */
export async function listCurrencies(db: Kysely<Database>): Promise<string[]> {
  const { rows } = await sql<{ currency: string }>`
    select currency from ${figuresOf(dealRollups, {}, sql`true`)}
    group by currency having sum(deals) > 0 order by currency`.execute(db)
  return rows.map(({ currency }) => currency)
}

/** The deals that closed last of those that credit a partner. */
export async function listCreditedDeals(
  db: Kysely<Database>,
  partnerId: string,
  currency: string,
): Promise<CreditedDeal[]> {
  const rows = await db
    .selectFrom('payouts')
    .innerJoin('deals', (join) =>
      join.onRef('deals.id', '=', 'payouts.deal_id').onRef('deals.version', '=', 'payouts.version'),
    )
    .select([
      'deals.id',
      'deals.amount_minor',
      'deals.currency',
      'deals.closed_date',
      'deals.attribution_model',
      'payouts.percentage_bp',
      'payouts.payout_minor',
    ])
    .where('payouts.partner_id', '=', partnerId)
    .where('payouts.currency', '=', currency)
    .orderBy('payouts.closed_date', 'desc')
    .orderBy('payouts.deal_id', 'desc')
    .limit(creditedDeals)
    .execute()
  return rows.map(({ amount_minor, payout_minor, percentage_bp, ...deal }) => ({
    ...deal,
    amount: toMajor(amount_minor, deal.currency),
    percentage: percentage_bp / 100,
    payout: toMajor(payout_minor, deal.currency),
  }))
}

/** A partner's last twelve months, the empty ones too, oldest first. */
export async function listMonths(
  db: Kysely<Database>,
  partnerId: string,
  currency: string,
): Promise<PartnerMonth[]> {
  const { rows } = await sql<Pick<PartnerMonth, 'month' | 'deals_count'> & Sums<'payout_minor'>>`
    select to_char(month, 'YYYY-MM') as month, coalesce(sum(deals), 0)::int as deals_count,
      coalesce(sum(payout_minor), 0) as payout_minor
    from generate_series(
      date_trunc('month', now() at time zone 'UTC') - interval '11 months',
      date_trunc('month', now() at time zone 'UTC'), interval '1 month') as month
    left join (
      select starts, deals, payout_minor from partner_rollups
      where partner_id = ${partnerId} and currency = ${currency} and span = 'month'
        and starts >= (now() at time zone 'UTC')::date - 366
      union all
      select date_trunc('month', day::timestamp)::date, deals, payout_minor from partner_changes
      where partner_id = ${partnerId} and currency = ${currency}
    ) as figures on starts = month::date
    group by month order by month`.execute(db)
  return rows.map(({ payout_minor, ...row }) => ({
    ...row,
    total_payout: toMajor(BigInt(payout_minor), currency),
  }))
}

/** Sums come as text: they may be longer than any single amount. */
type Sums<Name extends string> = Record<Name, string>

/** The quotient of what is not negative, to the nearest whole number. */
function halfUp(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor)
}

import { type Kysely, type RawBuilder, sql } from 'kysely'
import { touchpointTypes } from '../attribution/touch.ts'
import type { Database } from '../database/tables.ts'
import { halfUp, toMajor } from '../values/money.ts'
import { closedWithin } from '../deals/period-queries.ts'
import { toAmounts } from '../deals/queries.ts'
import type { Days } from '../values/periods.ts'
import { dealRollups, touchpointRollups } from '../rollups/rollups.ts'
import { selectPeriod } from '../rollups/select-period.ts'
import type { Analytics, ModelUse, RecentDeal, TouchpointCount } from './schemas.ts'

/** Sums as PostgreSQL returns them: as text, because they may be larger than any amount. */
export type Sums<Name extends string> = Record<Name, string>

/** The deals of a report: of one currency, closed on these days, not void. */
export interface ReportPeriod extends Days {
  readonly currency: string
}

const recentDeals = 10

/** The totals of a period, and its deals by model. */
export async function findOverview(
  db: Kysely<Database>,
  { currency, ...period }: ReportPeriod,
): Promise<Pick<Analytics, 'overview' | 'models'>> {
  const { rows } = await sql<
    Pick<ModelUse, 'attribution_model' | 'count'> &
      Sums<'revenue_minor' | 'refunded_minor' | 'unattributed_minor' | 'commission_minor'>
  >`
    select attribution_model, sum(deals)::int as count, sum(revenue_minor) as revenue_minor,
      sum(refunded_minor) as refunded_minor, sum(unattributed_minor) as unattributed_minor, sum(commission_minor) as commission_minor
    from ${selectPeriod(dealRollups, period, sql`currency = ${currency}`)}
    group by attribution_model having sum(deals) > 0 order by count desc, attribution_model`.execute(db)
  const deals = rows.reduce((sum, { count }) => sum + count, 0)
  const sumOf = (name: 'revenue_minor' | 'refunded_minor' | 'unattributed_minor' | 'commission_minor') =>
    rows.reduce((sum, row) => sum + BigInt(row[name]), 0n)
  const revenue = sumOf('revenue_minor')
  return {
    overview: {
      total_deals: deals,
      total_revenue: toMajor(revenue, currency),
      refunded: toMajor(sumOf('refunded_minor'), currency),
      unattributed: toMajor(sumOf('unattributed_minor'), currency),
      total_commission: toMajor(sumOf('commission_minor'), currency),
      avg_deal_size: toMajor(deals === 0 ? 0n : halfUp(revenue, BigInt(deals)), currency),
    },
    models: rows.map(({ attribution_model, count, revenue_minor }) => ({
      attribution_model,
      count,
      total_amount: toMajor(BigInt(revenue_minor), currency),
    })),
  }
}

/** Touchpoints of a period by type. */
export async function countTouchpoints(db: Kysely<Database>, period: Days): Promise<TouchpointCount[]> {
  return countByType(db, selectPeriod(touchpointRollups, period, sql`true`))
}

/** Counts touchpoints by type; types without touchpoints have 0. */
export async function countByType(
  db: Kysely<Database>,
  rows: RawBuilder<unknown>,
): Promise<TouchpointCount[]> {
  const { rows: counted } = await sql<TouchpointCount>`
    select touchpoint_type, sum(touchpoints)::int as count from ${rows} group by touchpoint_type`.execute(db)
  const counts = new Map(counted.map(({ touchpoint_type, count }) => [touchpoint_type, count]))
  return touchpointTypes.map((touchpoint_type) => ({
    touchpoint_type,
    count: counts.get(touchpoint_type) ?? 0,
  }))
}

export async function listRecentDeals(
  db: Kysely<Database>,
  { currency, ...days }: ReportPeriod,
): Promise<RecentDeal[]> {
  const rows = await db
    .selectFrom('deals')
    .select(['id', 'amount_minor', 'refunded_minor', 'currency', 'closed_date', 'attribution_model'])
    .select(
      sql<number>`(select count(*)::int from events where deal_id = deals.id and voided_at is null)`.as(
        'touchpoints_count',
      ),
    )
    .where('voided_at', 'is', null)
    .where('currency', '=', currency)
    .where(closedWithin(days))
    .orderBy('closed_date', 'desc')
    .orderBy('id', 'desc')
    .limit(recentDeals)
    .execute()
  return rows.map(({ amount_minor, refunded_minor, ...deal }) => ({
    ...deal,
    ...toAmounts({ amount_minor, refunded_minor, currency: deal.currency }),
  }))
}

/** The currencies of all deals. */
export async function listCurrencies(db: Kysely<Database>): Promise<string[]> {
  const { rows } = await sql<{ currency: string }>`
    select currency from ${selectPeriod(dealRollups, {}, sql`true`)}
    group by currency having sum(deals) > 0 order by currency`.execute(db)
  return rows.map(({ currency }) => currency)
}

import { type Kysely, sql } from 'kysely'
import { touchpointTypes } from '../attribution/journey.ts'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../http/money.ts'
import type {
  Analytics,
  CreditedDeal,
  ModelUse,
  PartnerMonth,
  PartnerRank,
  RecentDeal,
  TouchpointCount,
} from './schemas.ts'

/** Deals of one currency that closed in `[from, before)`; void ones are never among them. */
export interface Period {
  readonly currency: string
  readonly from?: string | undefined
  readonly before?: string | undefined
}

const mostPartners = 20
const recentDeals = 10
const creditedDeals = 100

export async function findOverview(db: Kysely<Database>, period: Period): Promise<Analytics['overview']> {
  const { deals, revenue, average } = await countedDeals(db, period)
    .select([
      sql<number>`count(*)::int`.as('deals'),
      sql<bigint>`coalesce(sum(amount_minor), 0)::bigint`.as('revenue'),
      sql<bigint>`coalesce(round(avg(amount_minor)), 0)::bigint`.as('average'),
    ])
    .executeTakeFirstOrThrow()
  return {
    total_deals: deals,
    total_revenue: toMajor(revenue, period.currency),
    avg_deal_size: toMajor(average, period.currency),
  }
}

/** The partners with the highest payouts. */
export async function rankPartners(db: Kysely<Database>, period: Period): Promise<PartnerRank[]> {
  const rows = await creditedIn(db, period)
    .innerJoin('partners', 'partners.id', 'payouts.partner_id')
    .select([
      'partners.id',
      'partners.name',
      sql<number>`count(*)::int`.as('deals_count'),
      sql<bigint>`sum(payout_minor)::bigint`.as('payout_minor'),
      sql<number>`round(avg(percentage_bp))::int`.as('average_bp'),
    ])
    .groupBy('partners.id')
    .orderBy('payout_minor', 'desc')
    .orderBy('partners.id')
    .limit(mostPartners)
    .execute()
  return rows.map(({ payout_minor, average_bp, ...row }) => ({
    ...row,
    total_payout: toMajor(payout_minor, period.currency),
    avg_attribution_pct: average_bp / 100,
  }))
}

export async function listModels(db: Kysely<Database>, period: Period): Promise<ModelUse[]> {
  const rows = await countedDeals(db, period)
    .select([
      'attribution_model',
      sql<number>`count(*)::int`.as('count'),
      sql<bigint>`sum(amount_minor)::bigint`.as('amount_minor'),
    ])
    .groupBy('attribution_model')
    .orderBy('count', 'desc')
    .orderBy('attribution_model')
    .execute()
  return rows.map(({ attribution_model, count, amount_minor }) => ({
    attribution_model,
    count,
    total_amount: toMajor(amount_minor, period.currency),
  }))
}

/** Touchpoints by type, of a partner where asked; every type is there, at 0 too. */
export async function countTouchpoints(
  db: Kysely<Database>,
  { from, before, partnerId }: Partial<Period> & { readonly partnerId?: string },
): Promise<TouchpointCount[]> {
  let query = db
    .selectFrom('events')
    .select(['touchpoint_type', sql<number>`count(*)::int`.as('count')])
    .where('voided_at', 'is', null)
    .groupBy('touchpoint_type')
  if (from !== undefined) query = query.where('timestamp', '>=', from)
  if (before !== undefined) query = query.where('timestamp', '<', before)
  if (partnerId !== undefined) query = query.where('partner_id', '=', partnerId)
  const counts = new Map(
    (await query.execute()).map(({ touchpoint_type, count }) => [touchpoint_type, count]),
  )
  return touchpointTypes.map((touchpoint_type) => ({
    touchpoint_type,
    count: counts.get(touchpoint_type) ?? 0,
  }))
}

export async function listRecentDeals(db: Kysely<Database>, period: Period): Promise<RecentDeal[]> {
  const rows = await countedDeals(db, period)
    .select(['id', 'amount_minor', 'currency', 'closed_date', 'attribution_model'])
    .select(
      sql<number>`(select count(*)::int from events where deal_id = deals.id and voided_at is null)`.as(
        'touchpoints_count',
      ),
    )
    .orderBy('closed_date', 'desc')
    .orderBy('id', 'desc')
    .limit(recentDeals)
    .execute()
  return rows.map(({ amount_minor, ...deal }) => ({ ...deal, amount: toMajor(amount_minor, deal.currency) }))
}

export async function listCurrencies(db: Kysely<Database>): Promise<string[]> {
  const rows = await db.selectFrom('deals').select('currency').distinct().orderBy('currency').execute()
  return rows.map(({ currency }) => currency)
}

export async function listCreditedDeals(
  db: Kysely<Database>,
  partnerId: string,
  period: Period,
): Promise<CreditedDeal[]> {
  const rows = await creditedIn(db, period)
    .select([
      'deals.id',
      'amount_minor',
      'currency',
      'closed_date',
      'attribution_model',
      'percentage_bp',
      'payout_minor',
    ])
    .where('payouts.partner_id', '=', partnerId)
    .orderBy('closed_date', 'desc')
    .orderBy('deals.id', 'desc')
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
  const { rows } = await sql<{ month: string; deals_count: number; payout_minor: bigint }>`
    select to_char(month, 'YYYY-MM') as month, count(payouts.deal_id)::int as deals_count,
      coalesce(sum(payout_minor), 0)::bigint as payout_minor
    from generate_series(
      date_trunc('month', now() at time zone 'UTC') - interval '11 months',
      date_trunc('month', now() at time zone 'UTC'), interval '1 month') as month
    left join (payouts join deals on deals.id = payouts.deal_id and deals.version = payouts.version
        and deals.currency = ${currency})
      on payouts.partner_id = ${partnerId} and deals.closed_date >= month at time zone 'UTC'
      and deals.closed_date < (month + interval '1 month') at time zone 'UTC'
    group by month order by month`.execute(db)
  return rows.map(({ payout_minor, ...row }) => ({ ...row, total_payout: toMajor(payout_minor, currency) }))
}

function countedDeals(db: Kysely<Database>, { currency, from, before }: Period) {
  let query = db.selectFrom('deals').where('voided_at', 'is', null).where('currency', '=', currency)
  if (from !== undefined) query = query.where('closed_date', '>=', from)
  if (before !== undefined) query = query.where('closed_date', '<', before)
  return query
}

function creditedIn(db: Kysely<Database>, period: Period) {
  return countedDeals(db, period).innerJoin('payouts', (join) =>
    join.onRef('payouts.deal_id', '=', 'deals.id').onRef('payouts.version', '=', 'deals.version'),
  )
}

import { type Kysely, type RawBuilder, sql } from 'kysely'
import { touchpointTypes } from '../../src/attribution/touch.ts'
import type { Database } from '../../src/database/tables.ts'
import type { Days } from '../../src/values/periods.ts'
import { toMajor } from '../../src/values/money.ts'

export interface Period extends Days {
  readonly currency: string
  /** Days are those of this zone, by the time zone data of PostgreSQL. */
  readonly timeZone?: string
}

/** The answer of GET /analytics without its filters, by plain SQL over deals, shares and events. */
export async function analyticsByPlainSql(db: Kysely<Database>, period: Period) {
  return {
    ...(await deals(db, period)),
    partners: (await partnersByPlainSql(db, period)).slice(0, 20),
    touchpoints: await touchpoints(db, period),
    recent_deals: await recentDeals(db, period),
    currencies: await currencies(db),
  }
}

interface PartnerQuery {
  readonly id: string
  readonly currency: string
  readonly timeZone: string
}

/** The answer of GET /analytics/partner/:id without the partner itself. */
export async function partnerByPlainSql(db: Kysely<Database>, query: PartnerQuery) {
  const { id, currency } = query
  return {
    currency,
    deals: await creditedDeals(db, id, currency),
    touchpoints: await touchpoints(db, {}, sql`partner_id = ${id}`),
    monthly: await months(db, query),
  }
}

const isWithin = (day: RawBuilder<unknown>, { first = '-infinity', last = 'infinity' }: Days) =>
  sql<boolean>`${day} >= ${first}::date and ${day} <= ${last}::date`

export const closedOn = ({ timeZone = 'UTC' }: Partial<Period>) => sql`
  case when deals.closed_all_day then deals.closed_on else (deals.closed_date at time zone ${timeZone})::date end`

export const happenedOn = ({ timeZone = 'UTC' }: Partial<Period>) =>
  sql`(timestamp at time zone ${timeZone})::date`

/** Shares with the lines of what their deals owe now. A deal without lines owes the payouts. */
export const owedShares = sql`shares left join commission_lines on commission_lines.deal_id = shares.deal_id
  and commission_lines.partner_id = shares.partner_id
  and commission_lines.version = (select commission_version from deals where id = shares.deal_id)`

/** What went back to the customer of a deal. */
export const refunded = sql`(
  select coalesce(sum(refunds.amount_minor), 0) from refunds where deal_id = deals.id and refunds.voided_at is null)`
const net = sql`deals.amount_minor - ${refunded}`

async function deals(db: Kysely<Database>, period: Period) {
  const { currency } = period
  const { rows } = await sql<{
    attribution_model: string | null
    count: number
    amount: string
    refunded: string
    unattributed: string
    commission: string
    average: string
  }>`
    select deals.attribution_model, count(*)::int as count, coalesce(sum(${net}), 0) as amount,
      coalesce(sum(${refunded}), 0) as refunded, coalesce(sum(unattributed_minor), 0) as unattributed, coalesce(sum((
        select sum(coalesce(commission_minor, payout_minor)) from ${owedShares}
        where shares.deal_id = deals.id and shares.version = deals.version
      )), 0) as commission, coalesce(round(avg(${net})), 0) as average
    from deals join attributions on deal_id = deals.id and attributions.version = deals.version
    where voided_at is null and deals.currency = ${currency} and ${isWithin(closedOn(period), period)}
    group by grouping sets ((), (deals.attribution_model))
    order by deals.attribution_model is not null, count desc, deals.attribution_model`.execute(db)
  const [all, ...models] = rows
  return {
    overview: {
      total_deals: all?.count,
      total_revenue: toMajor(BigInt(all?.amount ?? 0), currency),
      refunded: toMajor(BigInt(all?.refunded ?? 0), currency),
      unattributed: toMajor(BigInt(all?.unattributed ?? 0), currency),
      total_commission: toMajor(BigInt(all?.commission ?? 0), currency),
      avg_deal_size: toMajor(BigInt(all?.average ?? 0), currency),
    },
    models: models.map(({ attribution_model, count, amount }) => ({
      attribution_model,
      count,
      total_amount: toMajor(BigInt(amount), currency),
    })),
  }
}

export async function partnersByPlainSql(db: Kysely<Database>, period: Period) {
  const { rows } = await sql<{
    id: string
    name: string
    deals_count: number
    payout: string
    commission: string
    share: string
    of_revenue: string
  }>`
    select partners.id, partners.name, count(*)::int as deals_count, sum(payout_minor) as payout,
      sum(coalesce(commission_minor, payout_minor)) as commission, round(avg(percentage_bp)) / 100 as share,
      coalesce(round(10000 * sum(payout_minor) / nullif((
        select sum(${net}) from deals
        where voided_at is null and currency = ${period.currency} and ${isWithin(closedOn(period), period)}
      ), 0)) / 100, 0) as of_revenue
    from deals join (${owedShares}) on shares.deal_id = deals.id and shares.version = deals.version
      join partners on partners.id = shares.partner_id
    where voided_at is null and deals.currency = ${period.currency} and ${isWithin(closedOn(period), period)}
    group by partners.id order by payout desc, partners.id`.execute(db)
  return rows.map(({ payout, commission, share, of_revenue, ...row }) => ({
    ...row,
    total_payout: toMajor(BigInt(payout), period.currency),
    total_commission: toMajor(BigInt(commission), period.currency),
    revenue_share_pct: Number(of_revenue),
    avg_attribution_pct: Number(share),
  }))
}

async function touchpoints(db: Kysely<Database>, period: Partial<Period>, filter = sql<boolean>`true`) {
  const { rows } = await sql<{ touchpoint_type: string; count: number }>`
    select touchpoint_type, count(*)::int as count from events left join deals on deals.id = deal_id
    where events.voided_at is null and deals.voided_at is null and ${filter}
      and ${isWithin(happenedOn(period), period)}
    group by touchpoint_type`.execute(db)
  const counts = new Map(rows.map(({ touchpoint_type, count }) => [touchpoint_type, count]))
  return touchpointTypes.map((touchpoint_type) => ({
    touchpoint_type,
    count: counts.get(touchpoint_type) ?? 0,
  }))
}

interface AmountsRow {
  readonly amount_minor: bigint
  readonly refunded: string | bigint
}

export function toAmounts({ amount_minor, refunded }: AmountsRow, currency: string) {
  return {
    amount: toMajor(amount_minor, currency),
    refunded_amount: toMajor(BigInt(refunded), currency),
    net_amount: toMajor(amount_minor - BigInt(refunded), currency),
  }
}

async function recentDeals(db: Kysely<Database>, period: Period) {
  const { rows } = await sql<AmountsRow & { currency: string }>`
    select deals.id, amount_minor, ${refunded} as refunded, currency, closed_date, attribution_model,
      count(events.id) filter (where events.voided_at is null)::int as touchpoints_count
    from deals left join events on deal_id = deals.id
    where deals.voided_at is null and currency = ${period.currency} and ${isWithin(closedOn(period), period)}
    group by deals.id order by closed_date desc, deals.id desc limit 10`.execute(db)
  return rows.map(({ amount_minor, refunded, ...deal }) => ({
    ...deal,
    ...toAmounts({ amount_minor, refunded }, deal.currency),
  }))
}

async function creditedDeals(db: Kysely<Database>, id: string, currency: string) {
  const { rows } = await sql<AmountsRow & { payout_minor: bigint; percentage: string }>`
    select deals.id, deals.amount_minor, ${refunded} as refunded, deals.currency, deals.closed_date, deals.attribution_model,
      percentage_bp::numeric / 100 as percentage, payout_minor
    from deals join shares on deal_id = deals.id and shares.version = deals.version
    where voided_at is null and partner_id = ${id} and deals.currency = ${currency}
    order by deals.closed_date desc, deals.id desc limit 100`.execute(db)
  return rows.map(({ amount_minor, refunded, payout_minor, percentage, ...deal }) => ({
    ...deal,
    ...toAmounts({ amount_minor, refunded }, currency),
    percentage: Number(percentage),
    payout: toMajor(payout_minor, currency),
  }))
}

async function months(db: Kysely<Database>, { id, currency, timeZone }: PartnerQuery) {
  const { rows } = await sql<{ month: string; deals_count: number; payout: string }>`
    with credited as (
      select to_char(${closedOn({ timeZone })}, 'YYYY-MM') as month, payout_minor
      from deals join shares on deal_id = deals.id and shares.version = deals.version
      where voided_at is null and partner_id = ${id} and deals.currency = ${currency}
    )
    select month, count(payout_minor)::int as deals_count, coalesce(sum(payout_minor), 0) as payout
    from (
      select to_char(date_trunc('month', now() at time zone ${timeZone}) - make_interval(months => ago), 'YYYY-MM') as month
      from generate_series(0, 11) as ago
    ) as months left join credited using (month)
    group by month order by month`.execute(db)
  return rows.map(({ payout, ...row }) => ({ ...row, total_payout: toMajor(BigInt(payout), currency) }))
}

async function currencies(db: Kysely<Database>): Promise<string[]> {
  const { rows } = await sql<{ currency: string }>`
    select distinct currency from deals where voided_at is null order by currency`.execute(db)
  return rows.map(({ currency }) => currency)
}

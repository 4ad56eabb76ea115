import { type Kysely, sql } from 'kysely'
import { touchpointTypes } from '../../src/attribution/touch.ts'
import type { Database } from '../../src/database/tables.ts'
import { toMajor } from '../../src/values/money.ts'
import { closedOn, happenedOn, owedShares, type Period, refunded, toAmounts } from './plain-sql.ts'

interface DealFact {
  readonly id: string
  readonly day: string
  readonly currency: string
  readonly closed_date: string
  readonly attribution_model: string
  readonly amount_minor: bigint
  readonly refunded_minor: bigint
  readonly net_minor: bigint
  readonly unattributed_minor: bigint
  readonly touchpoints_count: number
}

interface ShareFact {
  readonly day: string
  readonly currency: string
  readonly id: string
  readonly name: string
  readonly payout_minor: bigint
  readonly commission_minor: bigint
  readonly percentage_bp: number
}

interface TouchpointFact {
  readonly day: string
  readonly touchpoint_type: string
}

export interface Facts {
  readonly deals: readonly DealFact[]
  readonly shares: readonly ShareFact[]
  readonly touchpoints: readonly TouchpointFact[]
}

/** Reads by plain SQL what counts and on which day. The rollups are not read. */
export async function readFacts(db: Kysely<Database>, timeZone: string): Promise<Facts> {
  const { rows: deals } = await sql<DealFact>`
    select deals.id, ${closedOn({ timeZone })} as day, deals.currency, deals.closed_date, deals.attribution_model,
      deals.amount_minor, (${refunded})::bigint as refunded_minor,
      deals.amount_minor - (${refunded})::bigint as net_minor, unattributed_minor,
      (select count(*)::int from events where deal_id = deals.id and voided_at is null) as touchpoints_count
    from deals join attributions on deal_id = deals.id and attributions.version = deals.version
    where voided_at is null order by deals.closed_date desc, deals.id desc`.execute(db)
  const { rows: shares } = await sql<ShareFact>`
    select ${closedOn({ timeZone })} as day, deals.currency, partners.id, partners.name, payout_minor,
      coalesce(commission_minor, payout_minor) as commission_minor, percentage_bp
    from deals join (${owedShares}) on shares.deal_id = deals.id and shares.version = deals.version
      join partners on partners.id = shares.partner_id
    where voided_at is null`.execute(db)
  const { rows: touchpoints } = await sql<TouchpointFact>`
    select ${happenedOn({ timeZone })} as day, touchpoint_type from events left join deals on deals.id = deal_id
    where events.voided_at is null and deals.voided_at is null`.execute(db)
  return { deals, shares, touchpoints }
}

/** The answer of `analyticsByPlainSql`, added up from facts: one period takes a tenth of the time. */
export function analyticsOf(facts: Facts, { currency, first = '', last = '9999-12-31' }: Period) {
  const isWithin = ({ day }: { readonly day: string }) => day >= first && day <= last
  const deals = facts.deals.filter((deal) => deal.currency === currency && isWithin(deal))
  const shares = facts.shares.filter((share) => share.currency === currency && isWithin(share))
  const touchpoints = facts.touchpoints.filter(isWithin)
  return {
    overview: {
      total_deals: deals.length,
      total_revenue: toMajor(sum(deals, 'net_minor'), currency),
      refunded: toMajor(sum(deals, 'refunded_minor'), currency),
      unattributed: toMajor(sum(deals, 'unattributed_minor'), currency),
      total_commission: toMajor(sum(shares, 'commission_minor'), currency),
      avg_deal_size: toMajor(average(sum(deals, 'net_minor'), deals.length), currency),
    },
    models: [...Map.groupBy(deals, ({ attribution_model }) => attribution_model)]
      .map(([attribution_model, of]) => ({
        attribution_model,
        count: of.length,
        total_amount: toMajor(sum(of, 'net_minor'), currency),
      }))
      .sort((a, b) => b.count - a.count || (a.attribution_model < b.attribution_model ? -1 : 1)),
    partners: [...Map.groupBy(shares, ({ id }) => id)]
      .map(([id, of]) => toPartner({ id, shares: of, revenue: sum(deals, 'net_minor') }, currency))
      .sort((a, b) => b.total_payout - a.total_payout || (a.id < b.id ? -1 : 1))
      .slice(0, 20),
    touchpoints: touchpointTypes.map((type) => ({
      touchpoint_type: type,
      count: touchpoints.filter(({ touchpoint_type }) => touchpoint_type === type).length,
    })),
    recent_deals: deals.slice(0, 10).map(({ id, closed_date, attribution_model, ...deal }) => ({
      id,
      currency,
      closed_date,
      attribution_model,
      touchpoints_count: deal.touchpoints_count,
      ...toAmounts({ amount_minor: deal.amount_minor, refunded: deal.refunded_minor }, currency),
    })),
    currencies: [...new Set(facts.deals.map((deal) => deal.currency))].sort(),
  }
}

interface CreditedPartner {
  readonly id: string
  readonly shares: readonly ShareFact[]
  readonly revenue: bigint
}

function toPartner({ id, shares, revenue }: CreditedPartner, currency: string) {
  const percentages = shares.reduce((total, { percentage_bp }) => total + BigInt(percentage_bp), 0n)
  return {
    id,
    name: shares[0]?.name,
    deals_count: shares.length,
    total_payout: toMajor(sum(shares, 'payout_minor'), currency),
    total_commission: toMajor(sum(shares, 'commission_minor'), currency),
    revenue_share_pct: Number(average(10_000n * sum(shares, 'payout_minor'), Number(revenue))) / 100,
    avg_attribution_pct: Number(average(percentages, shares.length)) / 100,
  }
}

function sum<Name extends string>(rows: readonly Readonly<Record<Name, bigint>>[], name: Name): bigint {
  return rows.reduce((total, row) => total + row[name], 0n)
}

/** Rounded half up: the remainder decides. */
function average(total: bigint, count: number): bigint {
  if (count === 0) return 0n
  const [quotient, remainder] = [total / BigInt(count), total % BigInt(count)]
  return remainder * 2n >= BigInt(count) ? quotient + 1n : quotient
}

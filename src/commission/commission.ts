import type { Plan, Rule, SplitDeal } from './plan.ts'
import { computeQuotas, type Quota, type Quotas, sumOf } from './quotas.ts'

/** The rule that decided who got a unit that rounding left over. */
type OddUnitRule = 'largest remainder' | 'higher payout' | 'lower partner id'

/** What a partner is owed for a deal, and why. */
export interface CommissionLine {
  readonly partner_id: string
  readonly commission_minor: bigint
  /** The place of its rule in the plan, from 0. Null: no rule fits. */
  readonly place: number | null
  readonly rule: Rule | null
  /** The exact amount before rounding, after both caps. */
  readonly quota: { readonly numerator: bigint; readonly denominator: bigint }
  readonly is_capped: boolean
  /** Null: it got no odd unit. */
  readonly odd_unit: OddUnitRule | null
}

export interface Commission {
  /** The highest payout first, then by partner id. */
  readonly lines: readonly CommissionLine[]
  /** The sum of the lines. */
  readonly commission_minor: bigint
  /** The cap of the deal reduced all quotas. */
  readonly is_cut: boolean
}

/**
 * Computes what a deal owes its partners under a plan. The sum of the quotas is rounded half up once; each partner gets the
 * whole units of its quota, and the units left over go to the largest remainders (Hamilton), then to the higher payout, then
 * to the lower partner id.
 */
export function computeCommission(deal: SplitDeal, plan: Plan): Commission {
  const earners = deal.earners.toSorted(byPayout)
  const all = computeQuotas({ ...deal, earners }, plan)
  const { quotas, denominator, is_cut } = all
  const commission_minor = (2n * sumOf(all) + denominator) / (2n * denominator)
  const oddUnits = assignOddUnits(all, commission_minor)
  const lines = quotas.map((quota): CommissionLine => {
    const { earner, placed, numerator, is_capped } = quota
    const odd_unit = oddUnits.get(quota) ?? null
    return {
      partner_id: earner.partner_id,
      commission_minor: numerator / denominator + (odd_unit === null ? 0n : 1n),
      place: placed?.place ?? null,
      rule: placed?.rule ?? null,
      quota: { numerator, denominator },
      is_capped,
      odd_unit,
    }
  })
  return { lines, commission_minor, is_cut }
}

/** The quotas that get one unit more than their whole ones. They come in the order that breaks ties, and sorting is stable. */
function assignOddUnits({ quotas, denominator }: Quotas, total: bigint): ReadonlyMap<Quota, OddUnitRule> {
  const left = Number(quotas.reduce((rest, { numerator }) => rest - numerator / denominator, total))
  if (left === 0) return new Map()
  const remainderOf = ({ numerator }: Quota) => numerator % denominator
  const ranking = quotas.toSorted((a, b) => compare(remainderOf(b), remainderOf(a)))
  const next = ranking[left]
  return new Map(
    ranking.slice(0, left).map((quota) => {
      const isTied = next !== undefined && remainderOf(quota) === remainderOf(next)
      if (!isTied) return [quota, 'largest remainder']
      const isHigher = quota.earner.payout_minor > next.earner.payout_minor
      return [quota, isHigher ? 'higher payout' : 'lower partner id']
    }),
  )
}

function byPayout(a: SplitDeal['earners'][number], b: SplitDeal['earners'][number]): number {
  return compare(b.payout_minor, a.payout_minor) || (a.partner_id < b.partner_id ? -1 : 1)
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

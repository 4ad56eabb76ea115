import { type Earner, fitsEarner, listRulesFor, type Plan, type PlacedRule, type SplitDeal } from './plan.ts'

/** What a partner earns exactly, before rounding: `numerator` of the quotas' denominator. */
export interface Quota {
  readonly earner: Earner
  /** Undefined: no rule fits, so it earns nothing. */
  readonly placed: PlacedRule | undefined
  readonly numerator: bigint
  /** The cap of the rule reduced it. */
  readonly is_capped: boolean
}

/** The quotas of a deal over one denominator, so that they add up and compare exactly. */
export interface Quotas {
  readonly quotas: readonly Quota[]
  readonly denominator: bigint
  /** The cap of the deal reduced all of them. */
  readonly is_cut: boolean
}

/** 100 %, in ten-thousandths of a percent. */
const fullRate = 1_000_000n

/** The quota of each earner by the first rule that fits it, cut in proportion where they exceed the deal's cap. */
export function computeQuotas(deal: SplitDeal, plan: Plan): Quotas {
  const rules = listRulesFor(deal, plan)
  const hasFlat = rules.some(({ rule }) => 'flat' in rule)
  // A flat amount is multiplied by net ÷ amount, a rate is divided by 1,000,000.
  const denominator = hasFlat ? fullRate * deal.amount_minor : fullRate
  const quotas = deal.earners.map((earner): Quota => {
    const placed = rules.find(({ rule }) => fitsEarner(rule, earner))
    if (placed === undefined) return { earner, placed, numerator: 0n, is_capped: false }
    const { rule } = placed
    const full =
      'flat' in rule
        ? rule.flat.amount_minor * deal.net_minor * fullRate
        : rule.rate * earner.payout_minor * (denominator / fullRate)
    const cap = rule.cap && rule.cap.amount_minor * denominator
    const is_capped = cap !== undefined && full > cap
    return { earner, placed, numerator: is_capped ? cap : full, is_capped }
  })
  return cutToCap({ quotas, denominator, is_cut: false }, deal, plan)
}

function cutToCap(all: Quotas, { currency }: SplitDeal, { cap_per_deal: cap }: Plan): Quotas {
  if (cap === null || cap.currency !== currency) return all
  const sum = sumOf(all)
  if (sum <= cap.amount_minor * all.denominator) return all
  const quotas = all.quotas.map((quota) => ({ ...quota, numerator: quota.numerator * cap.amount_minor }))
  return { quotas, denominator: sum, is_cut: true }
}

export function sumOf({ quotas }: Quotas): bigint {
  return quotas.reduce((sum, { numerator }) => sum + numerator, 0n)
}

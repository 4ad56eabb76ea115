import type { Earner, Plan, Rule, SplitDeal } from '../../src/commission/plan.ts'

/** A deal of USD that was not refunded, with these payouts. */
export function givenDeal(
  payouts: Readonly<Record<string, bigint>>,
  deal: Partial<SplitDeal> = {},
): SplitDeal {
  const earners = Object.entries(payouts).map(([partner_id, payout_minor]) =>
    givenEarner(partner_id, payout_minor),
  )
  const paid = earners.reduce((sum, { payout_minor }) => sum + payout_minor, 0n)
  return {
    amount_minor: paid,
    net_minor: paid,
    currency: 'USD',
    minor_per_unit: 100n,
    model: 'role-based',
    earners,
    ...deal,
  }
}

export function givenEarner(partner_id: string, payout_minor: bigint, earner: Partial<Earner> = {}): Earner {
  return { partner_id, payout_minor, group: null, touchpoint_types: ['demo'], ...earner }
}

/** A rule that pays a percentage. */
export function givenRate(percent: number, when: Rule['when'] = {}): Rule {
  return { when, rate: BigInt(Math.round(percent * 10_000)) }
}

export function givenPlan(...rules: readonly Rule[]): Plan {
  return { rules, cap_per_deal: null }
}

/** An amount of one currency. */
export interface PlanMoney {
  readonly amount_minor: bigint
  readonly currency: string
}

/** What must hold for a rule to fit a partner of a deal. All that is named must hold. */
export interface Conditions {
  readonly partner_ids?: ReadonlySet<string>
  readonly groups?: ReadonlySet<string>
  readonly touchpoint_types?: ReadonlySet<string>
  readonly currencies?: ReadonlySet<string>
  readonly models?: ReadonlySet<string>
  /** Amounts of a deal before refunds, in ten-thousandths of a unit of its currency. */
  readonly amount_at_least?: bigint
  readonly amount_below?: bigint
}

/** A rule pays a rate, in ten-thousandths of a percent of the payout, or a flat amount, up to the cap. */
export type Rule = {
  readonly when: Conditions
  readonly cap?: PlanMoney
} & ({ readonly rate: bigint } | { readonly flat: PlanMoney })

export interface Plan {
  /** The first that fits a partner counts. */
  readonly rules: readonly Rule[]
  readonly cap_per_deal: PlanMoney | null
}

/** A partner with a share in the split of a deal. */
export interface Earner {
  readonly partner_id: string
  readonly payout_minor: bigint
  readonly group: string | null
  /** The types of its qualifying touchpoints. */
  readonly touchpoint_types: readonly string[]
}

/** A deal with its split. */
export interface SplitDeal {
  /** Before refunds; above 0. */
  readonly amount_minor: bigint
  /** After refunds. The payouts and what is unattributed add up to it. */
  readonly net_minor: bigint
  readonly currency: string
  /** How many minor units a unit of the currency has, such as 100 for USD. */
  readonly minor_per_unit: bigint
  readonly model: string
  readonly earners: readonly Earner[]
}

/** A rule and its place in the plan, from 0. */
export interface PlacedRule {
  readonly place: number
  readonly rule: Rule
}

/** The rules whose conditions on the deal hold. One whose money is of another currency does not fit. */
export function listRulesFor(deal: SplitDeal, { rules }: Plan): readonly PlacedRule[] {
  return rules.map((rule, place) => ({ place, rule })).filter(({ rule }) => fitsDeal(rule, deal))
}

/** Whether the conditions on the partner hold. */
export function fitsEarner({ when }: Rule, { partner_id, group, touchpoint_types }: Earner): boolean {
  const { partner_ids, groups, touchpoint_types: types } = when
  if (partner_ids !== undefined && !partner_ids.has(partner_id)) return false
  if (groups !== undefined && (group === null || !groups.has(group))) return false
  return types === undefined || touchpoint_types.some((type) => types.has(type))
}

function fitsDeal(rule: Rule, { amount_minor, currency, minor_per_unit, model }: SplitDeal): boolean {
  const { currencies, models, amount_at_least, amount_below } = rule.when
  const own = [rule.cap, 'flat' in rule ? rule.flat : undefined]
  if (own.some((money) => money !== undefined && money.currency !== currency)) return false
  if (currencies !== undefined && !currencies.has(currency)) return false
  if (models !== undefined && !models.has(model)) return false
  const amount = amount_minor * 10_000n
  if (amount_at_least !== undefined && amount < amount_at_least * minor_per_unit) return false
  return amount_below === undefined || amount < amount_below * minor_per_unit
}

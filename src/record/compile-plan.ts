import type { Selectable } from 'kysely'
import type { Conditions, Earner, Plan, PlanMoney, Rule } from '../commission/plan.ts'
import type { Database } from '../database/tables.ts'
import { exponentOf, toMinor, toScaled } from '../values/money.ts'

/** What a version of a plan pays, as it is stored. */
export type StoredPlan = Pick<Selectable<Database['commission_plan_versions']>, 'rules' | 'cap_per_deal'>

type StoredRule = StoredPlan['rules'][number]
type StoredMoney = NonNullable<StoredPlan['cap_per_deal']>

/** The plan of the engine: money in minor units, rates and bounds in ten-thousandths. */
export function compilePlan({ rules, cap_per_deal }: StoredPlan): Plan {
  return { rules: rules.map(compileRule), cap_per_deal: cap_per_deal && compileMoney(cap_per_deal) }
}

function compileRule({ when = {}, rate, flat, cap }: StoredRule): Rule {
  const own = { when: compileConditions(when), ...(cap && { cap: compileMoney(cap) }) }
  return flat === undefined
    ? { ...own, rate: tenThousandths(Number(rate)) }
    : { ...own, flat: compileMoney(flat) }
}

function compileConditions({
  amount_at_least,
  amount_below,
  ...lists
}: NonNullable<StoredRule['when']>): Conditions {
  return {
    ...Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, new Set<string>(values)])),
    ...(amount_at_least !== undefined && { amount_at_least: tenThousandths(amount_at_least) }),
    ...(amount_below !== undefined && { amount_below: tenThousandths(amount_below) }),
  }
}

// Exact: a rate has 7 digits, and the text of a number is that which was sent.
function tenThousandths(value: number): bigint {
  return checked(toScaled(value, 4), value)
}

function compileMoney({ amount, currency }: StoredMoney): PlanMoney {
  return { amount_minor: checked(toMinor(amount, exponentOf(currency)), amount), currency }
}

/** Plans are checked before they are stored. */
function checked(value: bigint | undefined, text: unknown): bigint {
  if (value === undefined) throw new Error(`A stored plan has the invalid number ${String(text)}.`)
  return value
}

/** A partner of a split as a plan sees it; `role` has the types of its touchpoints. */
export function toEarner({
  role,
  ...earner
}: Omit<Earner, 'touchpoint_types'> & { readonly role: string }): Earner {
  return { ...earner, touchpoint_types: role === '' ? [] : role.split(', ') }
}

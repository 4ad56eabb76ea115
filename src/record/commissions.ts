import type { Kysely } from 'kysely'
import { computeCommission } from '../commission/commission.ts'
import type { SplitDeal } from '../commission/plan.ts'
import type { Database } from '../database/tables.ts'
import type { Calendar } from '../values/calendar.ts'
import { exponentOf } from '../values/money.ts'
import type { SplitStep, Step } from './changes.ts'
import { toEarner } from './compile-plan.ts'
import { asksForGroups, type GroupOf, listStoredGroups, readGroups } from './partner-groups.ts'
import { pickPlans, planNameOf } from './pick-plans.ts'
import type { PlanOf } from './plan-versions.ts'
import { type DealPlan, type DealRow, type DealTerms, netOf } from './schemas.ts'

interface CommissionOptions {
  readonly calendar: Calendar
  readonly readPlans: (trx: Kysely<Database>, plans: readonly DealPlan[]) => Promise<PlanOf>
}

/**
 * Adds to each step the plan of its deal, and the commission of a new version: the split, the plan or the day of the close
 * is another one. The rest owes what it owed.
 */
export async function addCommissions(
  trx: Kysely<Database>,
  steps: readonly SplitStep[],
  { calendar, readPlans }: CommissionOptions,
): Promise<Step[]> {
  const picked = await pickPlans(trx, steps.filter(needsPlan).map(toUnplanned))
  const planned = steps.map((step) => ({ ...step, plan: planOf(step, picked.get(step.deal_id)) }))
  const candidates = planned.filter((step) => isOwingAnew(step) || step.picksAgain === 'groups')
  const planOfDeal = await readPlans(
    trx,
    candidates.map(({ plan }) => plan),
  )
  const asking = candidates.filter(({ plan }) => asksForGroups(planOfDeal(plan)))
  const groupOf = await readGroups(trx, calendar, asking.flatMap(listPartners))
  const regrouped = await findRegrouped(trx, asking, groupOf)
  return planned.map((step) => {
    if (!isOwingAnew(step) && !regrouped.has(step.deal_id)) return { ...step, commission: undefined }
    const plan = planOfDeal(step.plan)
    const deal = toSplitDeal(step, asksForGroups(plan) ? groupOf : () => null)
    const groups = new Map(deal.earners.map(({ partner_id, group }) => [partner_id, group]))
    return { ...step, commission: { ...computeCommission(deal, plan), groups } }
  })
}

/** The deals of which a partner is in another group than when their commission was computed. */
async function findRegrouped(
  trx: Kysely<Database>,
  steps: readonly SplitStep[],
  groupOf: GroupOf,
): Promise<ReadonlySet<string>> {
  const picking = steps.filter(({ picksAgain }) => picksAgain === 'groups')
  if (picking.length === 0) return new Set()
  const stored = await listStoredGroups(
    trx,
    picking.map(({ deal_id }) => deal_id),
  )
  const isRegrouped = (step: SplitStep) =>
    listPartners(step).some((partner) => {
      return groupOf(partner) !== (stored.get(step.deal_id)?.[partner.partner_id] ?? null)
    })
  return new Set(picking.filter(isRegrouped).map(({ deal_id }) => deal_id))
}

function needsPlan({ before, next, picksAgain }: SplitStep): boolean {
  if (next === undefined) return false
  return (
    before === undefined ||
    picksAgain === 'plan_version' ||
    isOnAnotherDay(before.row, next.terms) ||
    planNameOf(before.row) !== next.plan_name
  )
}

// A deal of an earlier release gets its day with its next change: that is no other day.
function isOnAnotherDay({ closed_on }: DealRow, terms: DealTerms): boolean {
  return closed_on !== null && closed_on !== terms.closed_on
}

function toUnplanned({ deal_id, next }: SplitStep) {
  return {
    deal_id,
    closed_on: next?.terms.closed_on as string,
    named: next?.plan_name ?? null,
  }
}

/** The same plan keeps its version, unless the deal closed on another day or picks it again. */
function planOf({ before, next, picksAgain }: SplitStep, picked: DealPlan | undefined): DealPlan {
  const stored = before?.row as DealRow
  if (picked === undefined) return stored
  const isKept =
    before !== undefined &&
    next !== undefined &&
    picksAgain !== 'plan_version' &&
    !isOnAnotherDay(stored, next.terms) &&
    stored.commission_plan_id === picked.commission_plan_id
  return isKept ? { ...picked, commission_plan_version: stored.commission_plan_version } : picked
}

function isOwingAnew({ before, next, split, plan }: SplitStep & { readonly plan: DealPlan }): boolean {
  if (next === undefined) return false
  if (split !== undefined || before === undefined) return true
  return (
    // A deal of an earlier release gets its first commission with its next change.
    before.row.commission_version === 0 ||
    before.row.commission_plan_id !== plan.commission_plan_id ||
    before.row.commission_plan_version !== plan.commission_plan_version ||
    isOnAnotherDay(before.row, next.terms)
  )
}

/** The partners of a deal on the day of its close. */
function listPartners(step: SplitStep) {
  const closed_on = step.next?.terms.closed_on as string
  return sharesOf(step).map(({ partner_id }) => ({ partner_id, closed_on }))
}

function toSplitDeal(step: SplitStep, groupOf: GroupOf): SplitDeal {
  const { terms, refunded_minor } = step.next as NonNullable<typeof step.next>
  const { amount_minor, currency, closed_on, attribution_model: model } = terms
  return {
    amount_minor,
    net_minor: netOf({ amount_minor, refunded_minor }),
    currency,
    minor_per_unit: 10n ** BigInt(exponentOf(currency)),
    model,
    earners: sharesOf(step).map((share) =>
      toEarner({
        ...share,
        group: groupOf({ partner_id: share.partner_id, closed_on: closed_on as string }),
      }),
    ),
  }
}

/** The shares of the deal from now on. */
function sharesOf({ split, before }: SplitStep) {
  if (split !== undefined)
    return split.shares.map(({ partner_id, payout_minor, role }) => ({ partner_id, payout_minor, role }))
  return (before?.split.shares ?? []).map(([partner_id, , , payout_minor, , role]) => ({
    partner_id,
    payout_minor: BigInt(payout_minor),
    role,
  }))
}

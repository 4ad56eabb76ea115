import type { Kysely } from 'kysely'
import { computeCommission } from '../commission/commission.ts'
import type { Plan, SplitDeal } from '../commission/plan.ts'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import { compilePlan, toEarner } from '../record/compile-plan.ts'
import { asksForGroups, type GroupOf, readGroups } from '../record/partner-groups.ts'
import { netOf } from '../record/schemas.ts'
import { listPartnerNames } from '../record/partner-names.ts'
import { createYield } from '../record/yield-thread.ts'
import type { Calendar } from '../values/calendar.ts'
import { exponentOf, toMajor } from '../values/money.ts'
import { readDays } from '../values/periods.ts'
import { checkNamedPartners, checkRules } from './check-rules.ts'
import { createCommissionTotals, toComparison } from './commission-totals.ts'
import { countDeals, listPlannedDeals, type PlannedDeal } from './simulation-queries.ts'
import type { PlanSimulation, PlanSimulationResult } from './simulation-schemas.ts'

const batchSize = 500
const mostDeals = 20_000
// 20,000 deals with five partners each take 2 s.
const mostShares = 100_000

interface PlanSimulationRun {
  readonly simulation: PlanSimulation
  readonly defaultCurrency: string
  readonly calendar: Calendar
  readonly signal: AbortSignal
}

/**
 * Computes what the deals of a period would pay under the rules of a plan; stores nothing. It reads the deals in batches,
 * without a transaction. Errors: 400; 503 once the client has disconnected.
 */
export async function simulatePlan(
  db: Kysely<Database>,
  { simulation, defaultCurrency, calendar, signal }: PlanSimulationRun,
): Promise<PlanSimulationResult> {
  const { rules, cap_per_deal = null, currency = defaultCurrency } = simulation
  checkRules(simulation)
  await checkNamedPartners(db, rules)
  const period = { currency, ...readDays(simulation, calendar, '/') }
  if ((await countDeals(db, period, mostDeals)) > mostDeals) throw tooLong(mostDeals, 'deals')
  const plan = compilePlan({ rules, cap_per_deal })
  const totals = createCommissionTotals()
  const yieldThread = createYield(signal)
  const counts = { deals: 0, shares: 0, payout: 0n }

  for (let after: PlannedDeal | undefined, isMore = true; isMore;) {
    const batch = await listPlannedDeals(db, { ...period, after, limit: batchSize })
    const groupOf = await readGroups(db, calendar, asksForGroups(plan) ? batch.flatMap(listPartners) : [])
    for (const deal of batch) {
      await yieldThread()
      for (const line of pay(deal, plan, groupOf)) {
        totals.add(line)
        counts.payout += line.payout
      }
      counts.deals++
      counts.shares += deal.shares.length
    }
    if (counts.shares > mostShares) throw tooLong(mostShares, 'shares')
    isMore = batch.length === batchSize
    after = batch.at(-1)
  }
  const { listed, total, others } = totals.rank()
  const names = await listPartnerNames(
    db,
    listed.map(({ partner_id }) => partner_id),
  )
  return {
    currency,
    deals_count: counts.deals,
    total_payout: toMajor(counts.payout, currency),
    ...toComparison(total, currency),
    partners: listed.map(({ partner_id, ...sums }) => ({
      partner_id,
      partner_name: names.get(partner_id) ?? partner_id,
      ...toComparison(sums, currency),
    })),
    others: { partners_count: others.count, ...toComparison(others, currency) },
  }
}

/** What each partner of a deal gets, now and under the plan. */
function pay(deal: PlannedDeal, plan: Plan, groupOf: GroupOf) {
  const stored = new Map(deal.shares.map((share) => [share[0], share]))
  return computeCommission(toSplitDeal(deal, groupOf), plan).lines.map(({ partner_id, commission_minor }) => {
    const [, payout = 0, , now = 0] = stored.get(partner_id) ?? []
    return { partner_id, payout: BigInt(payout), now: BigInt(now), proposed: commission_minor }
  })
}

// A deal of an earlier release counts on its day in UTC until a job fills in its day.
function listPartners({ closed_on, closed_date, shares }: PlannedDeal) {
  return shares.map(([partner_id]) => ({ partner_id, closed_on: closed_on ?? closed_date.slice(0, 10) }))
}

function toSplitDeal(deal: PlannedDeal, groupOf: GroupOf): SplitDeal {
  const { amount_minor, currency, attribution_model } = deal
  const partners = listPartners(deal)
  return {
    amount_minor,
    net_minor: netOf(deal),
    currency,
    minor_per_unit: 10n ** BigInt(exponentOf(currency)),
    model: attribution_model,
    earners: deal.shares.map(([partner_id, payout_minor, role], n) => {
      const group = groupOf(partners[n] as (typeof partners)[number])
      return toEarner({ partner_id, payout_minor: BigInt(payout_minor), role, group })
    }),
  }
}

function tooLong(most: number, what: string): Error {
  const detail = `The period has more than ${most} ${what}: choose a shorter one.`
  return invalid([{ pointer: '/start_date', detail }])
}

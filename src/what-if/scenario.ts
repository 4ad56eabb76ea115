import { type Kysely, sql } from 'kysely'
import { attribute } from '../attribution/attribute.ts'
import type { Journey } from '../attribution/journey.ts'
import { generalModels, type Parameters } from '../attribution/models.ts'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import type { Calendar } from '../values/calendar.ts'
import { type Days, readDays } from '../values/periods.ts'
import { toMajor } from '../values/money.ts'
import { checkAgreedPartners } from '../record/agreed-partners.ts'
import { listClosedDeals, readTouches, toJourney } from '../record/journeys.ts'
import { listPartnerNames } from '../record/partner-names.ts'
import { checkParameters, type DealDefaults, resolve } from '../record/read-terms.ts'
import { listUncredited } from '../record/uncredited-partners.ts'
import { createYield } from '../record/yield-thread.ts'
import { closedWithin } from '../deals/period-queries.ts'
import type { DealRow } from '../record/schemas.ts'
import { createPartnerTotals, type PartnerTotals, type ScenarioSplits } from './partner-totals.ts'
import type { Scenario, ScenarioResult } from './scenario-schemas.ts'

const batchSize = 500
const mostDeals = 20_000
// 20,000 deals with five touchpoints each take 6 s.
const mostTouchpoints = 100_000

interface ScenarioRun {
  readonly defaults: DealDefaults
  readonly scenario: Scenario
  readonly signal: AbortSignal
}

/**
 * Computes what the deals of a period would pay under another model; stores nothing. It reads the deals in batches,
 * without a transaction. The current and the proposed payouts come from the same rows, so the differences add up to zero
 * even if deals change during the run. Errors: 400; 503 once the client has disconnected.
 */
export async function runScenario(
  db: Kysely<Database>,
  { defaults, scenario, signal }: ScenarioRun,
): Promise<ScenarioResult> {
  const { currency = defaults.currency, attribution_model, model_parameters = {} } = scenario
  checkParameters(attribution_model, model_parameters)
  await checkAgreedPartners(db, { model_parameters })
  const period = { currency, ...readDays(scenario, defaults.calendar, '/') }
  if ((await countDeals(db, period)) > mostDeals) throw tooLong(mostDeals, 'deals')
  const split = createSplitter(defaults, scenario, createYield(signal))
  const totals = createPartnerTotals()

  for (let after: BatchQuery['after'], isMore = true; isMore;) {
    const batch = await listBatch(db, { ...period, after })
    const dealIds = batch.map(({ id }) => id)
    await addDeals(db, { calendar: defaults.calendar, dealIds, split, totals })
    isMore = batch.length === batchSize
    after = batch.at(-1)
  }
  const { total } = totals
  const names = await listPartnerNames(db, totals.partnerIds())
  return {
    attribution_model,
    currency,
    deals_count: total.deals,
    total_amount: toMajor(total.amount, currency),
    ...totals.toResult(currency, names),
  }
}

interface BatchAddition {
  readonly calendar: Calendar
  readonly dealIds: readonly string[]
  readonly split: (journey: Journey) => Promise<ScenarioSplits>
  readonly totals: PartnerTotals
}

async function addDeals(
  db: Kysely<Database>,
  { calendar, dealIds, split, totals }: BatchAddition,
): Promise<void> {
  const deals = new Map((await listClosedDeals(db, dealIds)).map((deal) => [deal.deal_id, deal]))
  for await (const batch of readTouches(db, dealIds)) {
    const read = batch.dealIds.flatMap((dealId) => {
      const deal = deals.get(dealId)
      // The deal was voided after its batch was listed.
      if (deal === undefined || deal.is_void) return []
      return [{ ...deal, touches: batch.touches.get(dealId) ?? [] }]
    })
    const uncredited = await listUncredited(db, calendar, read)
    for (const { touches, ...deal } of read) {
      const journey = toJourney({ ...deal, uncredited: uncredited.get(deal.deal_id) }, touches)
      totals.add(deal.terms.amount_minor, touches, await split(journey))
    }
    if (totals.total.touchpoints > mostTouchpoints) throw tooLong(mostTouchpoints, 'touchpoints')
  }
}

function tooLong(most: number, what: string): Error {
  const detail = `The period has more than ${most} ${what}: choose a shorter one.`
  return invalid([{ pointer: '/start_date', detail }])
}

// `now` is computed from the deal instead of read: every stored version replays to the payouts it stored.
function createSplitter(
  defaults: DealDefaults,
  { attribution_model, model_parameters = {} }: Scenario,
  yieldThread: () => Promise<void>,
) {
  const alternatives = [
    { model: attribution_model, parameters: resolve(attribution_model, model_parameters, defaults) },
    ...generalModels.map((model) => ({ model, parameters: resolve(model, {}, defaults) })),
  ]
  return async (journey: Journey): Promise<ScenarioSplits> => {
    const now = attribute(journey)
    const splits = []
    for (const { model, parameters } of alternatives) {
      await yieldThread()
      splits.push(attribute({ ...journey, model, parameters: parameters as Parameters }))
    }
    const [proposed = now, ...under] = splits
    return { now, proposed, under }
  }
}

interface BatchQuery extends Days {
  readonly currency: string
  /** The last deal of the previous batch. */
  readonly after?: Pick<DealRow, 'closed_date' | 'id'> | undefined
}

/** The number of deals in a period; stops counting above the limit. */
async function countDeals(db: Kysely<Database>, period: BatchQuery): Promise<number> {
  const { count } = await db
    .selectFrom(
      selectDeals(db, period)
        .limit(mostDeals + 1)
        .as('counted'),
    )
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

function listBatch(db: Kysely<Database>, query: BatchQuery) {
  return selectDeals(db, query).orderBy('closed_date').orderBy('id').limit(batchSize).execute()
}

function selectDeals(db: Kysely<Database>, { currency, after, ...days }: BatchQuery) {
  const query = db
    .selectFrom('deals')
    .select(['closed_date', 'id'])
    .where('voided_at', 'is', null)
    .where('currency', '=', currency)
    .where(closedWithin(days))
  if (after === undefined) return query
  return query.where(sql<boolean>`(closed_date, id) > (${after.closed_date}::timestamptz, ${after.id})`)
}

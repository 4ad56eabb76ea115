import { type Kysely, sql } from 'kysely'
import { attribute } from '../attribution/attribute.ts'
import type { Journey } from '../attribution/journey.ts'
import { modelNames, type Parameters } from '../attribution/models.ts'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import { readPeriod } from '../values/instants.ts'
import { toMajor } from '../values/money.ts'
import { listSubjects, readTouches, toJourney } from '../record/journeys.ts'
import { createPauses } from '../record/pauses.ts'
import { checkParameters, type DealDefaults, resolve } from '../record/read-facts.ts'
import type { DealRow } from '../deals/schemas.ts'
import type { Scenario, ScenarioResult } from './scenario-schemas.ts'
import { createTallies, type Splits, type Tallies } from './tallies.ts'

const dealsAtOnce = 500
const mostDeals = 100_000
// As many as 100,000 deals of five each have: some 10 s of work.
const mostTouchpoints = 500_000

/**
 * What the deals of a period would pay under another model. Stores nothing. Reads some deals at a time and holds no
 * transaction meanwhile: what they pay now and would pay comes from the same rows, so differences add up to zero even
 * where deals change while it runs. Errors: 400; 503 once the client is gone.
 */
export async function runScenario(
  db: Kysely<Database>,
  defaults: DealDefaults,
  scenario: Scenario,
  signal: AbortSignal,
): Promise<ScenarioResult> {
  const { currency = defaults.currency, attribution_model, model_parameters = {} } = scenario
  checkParameters(attribution_model, model_parameters)
  const period = { currency, ...readPeriod(scenario.start_date, scenario.end_date) }
  if ((await countDeals(db, period)) > mostDeals) throw tooLong(mostDeals, 'deals')
  const split = splitter(defaults, scenario, createPauses(signal))
  const tallies = createTallies()

  for (let after: Slice['after'], isMore = true; isMore;) {
    const slice = await listSlice(db, { ...period, after })
    await addDeals(
      db,
      slice.map(({ id }) => id),
      split,
      tallies,
    )
    isMore = slice.length === dealsAtOnce
    after = slice.at(-1)
  }
  const { total } = tallies
  return {
    attribution_model,
    currency,
    deals_count: total.deals,
    total_amount: toMajor(total.amount, currency),
    ...tallies.toResult(currency),
  }
}

async function addDeals(
  db: Kysely<Database>,
  ids: readonly string[],
  split: (journey: Journey) => Promise<Splits>,
  tallies: Tallies,
): Promise<void> {
  const subjects = new Map((await listSubjects(db, ids)).map((subject) => [subject.deal_id, subject]))
  for await (const { dealIds, touches } of readTouches(db, ids)) {
    for (const dealId of dealIds) {
      const subject = subjects.get(dealId)
      // Void since the slice was listed.
      if (subject === undefined || subject.is_void) continue
      const own = touches.get(dealId) ?? []
      tallies.add(subject.facts.amount_minor, own, await split(toJourney(subject.facts, false, own)))
    }
    if (tallies.total.touchpoints > mostTouchpoints) throw tooLong(mostTouchpoints, 'touchpoints')
  }
}

function tooLong(most: number, what: string): Error {
  const detail = `The period has more than ${most} ${what}: choose a shorter one.`
  return invalid([{ pointer: '/start_date', detail }])
}

// "Now" is worked out from the deal's own facts: every stored version replays to what it paid.
function splitter(
  defaults: DealDefaults,
  { attribution_model, model_parameters = {} }: Scenario,
  pause: () => Promise<void>,
) {
  const alternatives = [
    { model: attribution_model, parameters: resolve(attribution_model, model_parameters, defaults) },
    ...modelNames.map((model) => ({ model, parameters: resolve(model, {}, defaults) })),
  ]
  return async (journey: Journey): Promise<Splits> => {
    const now = attribute(journey)
    const splits = []
    for (const { model, parameters } of alternatives) {
      await pause()
      splits.push(attribute({ ...journey, model, parameters: parameters as Parameters }))
    }
    const [proposed = now, ...under] = splits
    return { now, proposed, under }
  }
}

interface Slice {
  readonly currency: string
  /** Where the slice before ended. */
  readonly after?: Pick<DealRow, 'closed_date' | 'id'> | undefined
  readonly from?: string
  readonly before?: string
}

/** How many deals a period has; where they are too many, how many are. */
async function countDeals(db: Kysely<Database>, period: Slice): Promise<number> {
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

function listSlice(db: Kysely<Database>, slice: Slice) {
  return selectDeals(db, slice).orderBy('closed_date').orderBy('id').limit(dealsAtOnce).execute()
}

function selectDeals(db: Kysely<Database>, { currency, after, from, before }: Slice) {
  let query = db
    .selectFrom('deals')
    .select(['closed_date', 'id'])
    .where('voided_at', 'is', null)
    .where('currency', '=', currency)
  if (after !== undefined) {
    query = query.where(sql<boolean>`(closed_date, id) > (${after.closed_date}::timestamptz, ${after.id})`)
  }
  if (from !== undefined) query = query.where('closed_date', '>=', from)
  if (before !== undefined) query = query.where('closed_date', '<', before)
  return query
}

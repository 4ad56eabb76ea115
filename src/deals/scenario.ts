import { type Kysely, sql } from 'kysely'
import type { Attribution } from '../attribution/attribute.ts'
import { modelNames } from '../attribution/models.ts'
import type { Database } from '../database/tables.ts'
import { readPeriod } from '../http/instants.ts'
import { toMajor } from '../http/money.ts'
import { listSubjects, listTouches, type Subject, type TouchRow, toJourney } from '../record/journeys.ts'
import type { Attribute } from '../record/versions.ts'
import { checkParameters, type DealDefaults, resolve } from './facts.ts'
import type { DealRow } from './schemas.ts'
import type { PartnerScenario, Scenario, ScenarioResult } from './scenario-schemas.ts'

const dealsAtOnce = 500

/** Minor units over the period: as paid now, under the scenario, and under each model with its defaults. */
interface Tally {
  name: string
  now: bigint
  proposed: bigint
  readonly under: bigint[]
}

/**
 * What the deals of a period would pay under another model, in one snapshot and batch by batch, so that memory grows
 * with the partners and not with the deals. Stores nothing. Errors: 400.
 */
export async function runScenario(
  db: Kysely<Database>,
  attribute: Attribute,
  defaults: DealDefaults,
  scenario: Scenario,
): Promise<ScenarioResult> {
  const { currency = defaults.currency, attribution_model, model_parameters = {} } = scenario
  checkParameters(attribution_model, model_parameters)
  const period = readPeriod(scenario.start_date, scenario.end_date)
  const split = splitter(attribute, defaults, scenario)
  const tallies = new Map<string, Tally>()
  const total = { deals: 0, amount: 0n, unattributedNow: 0n, unattributedProposed: 0n }

  await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      for (let after: Slice['after'], isMore = true; isMore;) {
        const slice = await listSlice(trx, { currency, ...period, after })
        const ids = slice.map(({ id }) => id)
        const subjects = await listSubjects(trx, ids)
        const touches = await listTouches(trx, ids)
        for (const subject of subjects) {
          const { now, proposed, under } = split(subject, touches.get(subject.deal_id) ?? [])
          total.deals += 1
          total.amount += subject.facts.amount_minor
          total.unattributedNow += now.unattributed_minor
          total.unattributedProposed += proposed.unattributed_minor
          add(tallies, touches.get(subject.deal_id) ?? [], { now, proposed, under })
        }
        isMore = slice.length === dealsAtOnce
        after = slice.at(-1)
      }
    })

  return {
    attribution_model,
    currency,
    deals_count: total.deals,
    total_amount: toMajor(total.amount, currency),
    partners: [...tallies]
      .sort(([a, x], [b, y]) => compare(y.proposed - y.now, x.proposed - x.now) || (a < b ? -1 : 1))
      .map(([id, tally]) => toPartnerScenario(id, tally, currency)),
    unattributed: toMove(total.unattributedNow, total.unattributedProposed, currency),
  }
}

interface Splits {
  readonly now: Attribution
  readonly proposed: Attribution
  readonly under: readonly Attribution[]
}

// "Now" is worked out from the deal's own facts: every stored version replays to what it paid.
function splitter(
  attribute: Attribute,
  defaults: DealDefaults,
  { attribution_model, model_parameters = {} }: Scenario,
) {
  const alternatives = [
    { attribution_model, model_parameters: resolve(attribution_model, model_parameters, defaults) },
    ...modelNames.map((model) => ({
      attribution_model: model,
      model_parameters: resolve(model, {}, defaults),
    })),
  ]
  return ({ facts, is_void }: Subject, touches: readonly TouchRow[]): Splits => {
    const now = attribute(toJourney(facts, is_void, touches))
    const [proposed = now, ...under] = alternatives.map((alternative) =>
      attribute(toJourney({ ...facts, ...alternative }, is_void, touches)),
    )
    return { now, proposed, under }
  }
}

function add(
  tallies: Map<string, Tally>,
  touches: readonly TouchRow[],
  { now, proposed, under }: Splits,
): void {
  for (const { partner_id, partner_name } of touches) {
    if (!tallies.has(partner_id)) {
      tallies.set(partner_id, { name: partner_name, now: 0n, proposed: 0n, under: modelNames.map(() => 0n) })
    }
  }
  const each = ({ shares }: Attribution, count: (tally: Tally, payout: bigint) => void) => {
    for (const { partner_id, payout_minor } of shares) count(tallies.get(partner_id) as Tally, payout_minor)
  }
  each(now, (tally, payout) => (tally.now += payout))
  each(proposed, (tally, payout) => (tally.proposed += payout))
  for (const [n, split] of under.entries()) {
    each(split, (tally, payout) => (tally.under[n] = (tally.under[n] ?? 0n) + payout))
  }
}

function toPartnerScenario(
  partner_id: string,
  { name, now, proposed, under }: Tally,
  currency: string,
): PartnerScenario {
  const sorted = under.toSorted(compare)
  const lowest = sorted[0] ?? 0n
  const highest = sorted.at(-1) ?? 0n
  return {
    partner_id,
    partner_name: name,
    ...toMove(now, proposed, currency),
    contested: {
      lowest: toMajor(lowest, currency),
      highest: toMajor(highest, currency),
      spread: toMajor(highest - lowest, currency),
    },
  }
}

function toMove(now: bigint, proposed: bigint, currency: string) {
  return {
    payout_now: toMajor(now, currency),
    payout_proposed: toMajor(proposed, currency),
    difference: toMajor(proposed - now, currency),
  }
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

interface Slice {
  readonly currency: string
  /** Where the slice before ended. */
  readonly after: Pick<DealRow, 'closed_date' | 'id'> | undefined
  readonly from?: string
  readonly before?: string
}

function listSlice(trx: Kysely<Database>, { currency, after, from, before }: Slice) {
  let query = trx
    .selectFrom('deals')
    .select(['closed_date', 'id'])
    .where('voided_at', 'is', null)
    .where('currency', '=', currency)
    .orderBy('closed_date')
    .orderBy('id')
    .limit(dealsAtOnce)
  if (after !== undefined) {
    query = query.where(sql<boolean>`(closed_date, id) > (${after.closed_date}::timestamptz, ${after.id})`)
  }
  if (from !== undefined) query = query.where('closed_date', '>=', from)
  if (before !== undefined) query = query.where('closed_date', '<', before)
  return query.execute()
}

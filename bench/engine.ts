import { attribute, type Split } from '../src/attribution/attribute.ts'
import { touchpointTypes, type Touch } from '../src/attribution/touch.ts'
import type { Journey } from '../src/attribution/journey.ts'
import {
  generalModels,
  resolveParameters,
  type ModelName,
  type ParametersOf,
} from '../src/attribution/models.ts'
import { createRandom } from '../test/support/random.ts'
import { median } from './support/median.ts'

interface NaiveRow {
  readonly partner_id: string
  readonly payout: number
  readonly percentage: number
  readonly touchpoints: number
  readonly role: string
}

const day = 86_400_000
const rounds = 15
const deals = 500

/** The baseline: a simple split in floating point that rounds each row to the cent. */
function splitNaively(journey: Journey): readonly NaiveRow[] {
  const cutoff = journey.closed_at + journey.parameters.close_grace_minutes * 60_000
  const touches = journey.touches.filter((touch) => touch.is_void !== true && touch.at <= cutoff)
  const credits = naiveCredits(journey, touches)
  const rows = new Map<string, { credit: number; touchpoints: number; types: Set<string> }>()
  let total = 0
  for (const [index, touch] of touches.entries()) {
    const credit = credits[index]!
    const row = rows.get(touch.partner_id) ?? { credit: 0, touchpoints: 0, types: new Set() }
    row.credit += credit
    row.touchpoints += 1
    row.types.add(touch.touchpoint_type)
    rows.set(touch.partner_id, row)
    total += credit
  }
  return [...rows]
    .filter(([, { credit }]) => credit > 0)
    .map(([partner_id, { credit, touchpoints, types }]) => ({
      partner_id,
      payout: Math.round((Number(journey.amount_minor) * credit) / total) / 100,
      percentage: Math.round((credit / total) * 10_000) / 100,
      touchpoints,
      role: [...types].sort().join(', '),
    }))
    .sort((a, b) => b.payout - a.payout || (a.partner_id < b.partner_id ? -1 : 1))
}

function naiveCredits({ model, parameters, closed_at }: Journey, touches: Touch[]): readonly number[] {
  const last = touches.length - 1
  const inOrder = () => touches.sort((a, b) => a.at - b.at)
  switch (model) {
    case 'equal': {
      const seen = new Set<string>()
      return touches.map(({ partner_id }) => (seen.has(partner_id) ? 0 : (seen.add(partner_id), 1)))
    }
    case 'first-touch':
      return inOrder().map((_, index) => (index === 0 ? 1 : 0))
    case 'last-touch':
      return inOrder().map((_, index) => (index === last ? 1 : 0))
    case 'role-based': {
      const { weights } = parameters as ParametersOf<'role-based'>
      return touches.map(({ touchpoint_type }) => weights[touchpoint_type])
    }
    case 'time-decay': {
      const halfLife = (parameters as ParametersOf<'time-decay'>).half_life_days * day
      return touches.map(({ at }) => 2 ** ((at - closed_at) / halfLife))
    }
    case 'position-based':
      return inOrder().map((_, index) => (index === 0 || index === last ? 0.4 : 0.2 / (last - 1)))
    case 'agreed':
    case 'linear':
  }
  return touches.map(() => 1)
}

/** Deals with touches over 90 days by a quarter as many partners, stored nearly in order of time. */
function givenJourneys(model: ModelName, touchpoints: number): readonly Journey[] {
  const next = createRandom(touchpoints)
  const closed_at = Date.UTC(2025, 5, 30, 12)
  const partners = Math.ceil(touchpoints / 4) + 1
  return Array.from({ length: deals }, (_, deal) => ({
    amount_minor: BigInt(1 + next(10_000_000)),
    currency: 'USD',
    closed_at,
    closed_until: null,
    is_void: false,
    model,
    parameters: resolveParameters(model, {}, { close_grace_minutes: 60, lookback_days: null }),
    touches: Array.from({ length: touchpoints }, (_, n) => ({
      id: `event-${deal}-${n}`,
      partner_id: `partner-${next(partners)}`,
      touchpoint_type: touchpointTypes[next(touchpointTypes.length)]!,
      at: closed_at - Math.floor(((touchpoints - n) / touchpoints) * 90 * day) - next(2 * day),
    })),
  }))
}

function dealsPerSecond(
  split: (journey: Journey) => Split | readonly NaiveRow[],
  journeys: readonly Journey[],
): number {
  const repeats = 20_000 / ((journeys.length * journeys[0]!.touches.length) / 5)
  const start = process.hrtime.bigint()
  for (let repeat = 0; repeat < repeats; repeat++) for (const journey of journeys) split(journey)
  return (Math.ceil(repeats) * journeys.length) / (Number(process.hrtime.bigint() - start) / 1e9)
}

console.log('model            touchpoints   deals/s   naive deals/s   ratio')
for (const touchpoints of [5, 50]) {
  for (const model of generalModels) {
    const journeys = givenJourneys(model, touchpoints)
    const ours: number[] = []
    const naive: number[] = []
    for (let round = 0; round < rounds; round++) {
      ours.push(dealsPerSecond(attribute, journeys))
      naive.push(dealsPerSecond(splitNaively, journeys))
    }
    const [speed, naiveSpeed] = [median(ours), median(naive)]
    const columns = [model.padEnd(16), String(touchpoints).padStart(11), speed.toFixed(0).padStart(9)]
    console.log(...columns, naiveSpeed.toFixed(0).padStart(15), (speed / naiveSpeed).toFixed(2).padStart(7))
  }
}

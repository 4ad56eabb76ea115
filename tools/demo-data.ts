import type {
  AmendDealVariables,
  AttributionModel,
  NewDeal,
  NewEvent,
  NewPartner,
  TouchpointType,
} from '../sdk/client.ts'
import { toTimestamp } from '../src/values/instants.ts'

/** A generated year of a partner programme. The same day gives the same data. */
export interface DemoData {
  readonly partners: NewPartner[]
  readonly events: NewEvent[]
  readonly deals: NewDeal[]
  /** Touchpoints that are sent after their deals have closed. */
  readonly lateEvents: NewEvent[]
  readonly correction: AmendDealVariables
  /** The deal that the demo explains. */
  readonly exampleId: string
}

const dayMs = 86_400_000
const dealCount = 200
const names = [
  'Northlight Consulting',
  'Harbor & Pine',
  'Kestrel Systems',
  'Bluefin Advisory',
  'Meridian Cloud',
  'Atlas Referral Club',
  'Juniper Labs',
  'Redwood Integrators',
  'Sable Analytics',
  'Tidewater Partners',
  'Umbra Security',
  'Vantage Agency',
]
// A model that appears twice is picked twice as often.
const models: readonly AttributionModel[] = [
  'role-based',
  'role-based',
  'role-based',
  'time-decay',
  'time-decay',
  'linear',
  'position-based',
  'equal',
  'first-touch',
  'last-touch',
]
const currencies = ['USD', 'USD', 'USD', 'USD', 'USD', 'USD', 'EUR', 'EUR', 'JPY']
const openings: readonly TouchpointType[] = ['referral', 'referral', 'intro', 'other']
const middles: readonly TouchpointType[] = ['demo', 'demo', 'support', 'intro', 'other']
const endings: readonly TouchpointType[] = ['closer', 'closer', 'demo', 'support']

/** The year that ends at `today`, a UTC midnight in milliseconds. */
export function createDemoData(today: number): DemoData {
  const random = createRandom(20_240_229)
  const partners = names.map((name, index) => ({
    id: `demo-partner-${index + 1}`,
    name,
    email: `hello@${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}.example`,
  }))
  const partnerIds = partners.map(({ id }) => id)
  const journeys = Array.from({ length: dealCount - 1 }, (_, index) =>
    createJourney(index, { today, random, partnerIds }),
  )
  // Every fifteenth deal has a touchpoint that is logged late.
  const withLate = journeys.filter(({ events }, index) => index % 15 === 7 && events.length > 1)
  const late = new Set(withLate.map(({ events }) => events[1]))
  const events = journeys.flatMap(({ events }) => events)
  const example = createExample(today)
  return {
    partners,
    events: [...events.filter((event) => !late.has(event)), ...example.events],
    deals: [...journeys.map(({ deal }) => deal), example.deal],
    lateEvents: [...events.filter((event) => late.has(event)), ...example.lateEvents],
    correction: example.correction,
    exampleId: example.deal.id,
  }
}

interface JourneySource {
  readonly today: number
  readonly random: () => number
  readonly partnerIds: readonly string[]
}

/** A random deal with its touchpoints. Deals with a higher index close later. */
function createJourney(index: number, { today, random, partnerIds }: JourneySource) {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!
  // Squaring favours the first partners of the list, as a few partners bring most deals.
  const pickPartner = () => partnerIds[Math.floor(random() ** 2 * partnerIds.length)]!

  const id = `demo-deal-${index + 1}`
  const daysAgo = 365 - Math.floor((index * 364) / dealCount)
  const closedAt = today - daysAgo * dayMs + (8 + Math.floor(random() * 10)) * 3_600_000
  const cycleMs = (14 + random() * 76) * dayMs
  const team = Array.from({ length: 1 + Math.floor(random() * 3) }, pickPartner)
  // Some deals have no touchpoints, because no partner took part.
  const touches = random() < 0.05 ? 0 : 1 + Math.floor(random() * 6)
  const events = Array.from({ length: touches }, (_, touch) => ({
    id: `${id}-touch-${touch + 1}`,
    deal_id: id,
    partner_id: pick(team),
    touchpoint_type: pick(touch === 0 ? openings : touch === touches - 1 ? endings : middles),
    timestamp: toTimestamp(closedAt - cycleMs * (1 - (touch + random() * 0.8) / touches)),
  }))
  const currency = pick(currencies)
  const amount = Math.round(3000 * 30 ** random() * 100) / 100
  const deal = {
    id,
    amount: currency === 'JPY' ? Math.round(amount) * 150 : amount,
    currency,
    closed_date: toTimestamp(closedAt),
    attribution_model: pick(models),
  }
  return { events, deal }
}

/** The deal to explain: one touchpoint is logged late, one is after the close, and the amount is corrected. */
function createExample(today: number) {
  const id = `demo-deal-${dealCount}`
  const touch = (number: number, partner: number, touchpoint_type: TouchpointType, daysAgo: number) => ({
    id: `${id}-touch-${number}`,
    deal_id: id,
    partner_id: `demo-partner-${partner}`,
    touchpoint_type,
    timestamp: toTimestamp(today - daysAgo * dayMs + 10 * 3_600_000),
  })
  return {
    events: [touch(1, 1, 'referral', 40), touch(2, 3, 'demo', 22), touch(3, 4, 'closer', 9)],
    deal: {
      id,
      amount: 24_000,
      currency: 'USD',
      closed_date: toTimestamp(today - 8 * dayMs + 15 * 3_600_000),
      attribution_model: 'role-based' as const,
    },
    lateEvents: [touch(4, 1, 'support', 15), touch(5, 3, 'support', 2)],
    correction: { path: { dealId: id }, body: { amount: 24_999.99 } },
  }
}

/** The mulberry32 generator: numbers in [0, 1), the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

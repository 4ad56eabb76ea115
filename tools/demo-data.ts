import type {
  AmendDealVariables,
  AttributionModel,
  NewDeal,
  NewEvent,
  NewPartner,
  TouchpointType,
} from '../sdk/client.ts'
import { toTimestamp } from '../src/values/instants.ts'

/** A generated year of a partner programme: the same for the same day. */
export interface DemoData {
  readonly partners: NewPartner[]
  readonly events: NewEvent[]
  readonly deals: NewDeal[]
  /** Touchpoints that were recorded only after their deals had closed. */
  readonly lateEvents: NewEvent[]
  readonly correction: AmendDealVariables
  /** The deal worth a closer look. */
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
// What appears twice comes twice as often.
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

/** The year that ends at `today`, a UTC midnight. */
export function createDemoData(today: number): DemoData {
  const random = createRandom(20_240_229)
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!
  const partners = names.map((name, index) => ({
    id: `demo-partner-${index + 1}`,
    name,
    email: `hello@${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}.example`,
  }))
  // Squaring favours the first of the list: a programme has its stars.
  const pickPartner = () => partners[Math.floor(random() ** 2 * partners.length)]!.id

  const journeys = Array.from({ length: dealCount - 1 }, (_, index) => {
    const id = `demo-deal-${index + 1}`
    const daysAgo = 365 - Math.floor((index * 364) / dealCount)
    const closedAt = today - daysAgo * dayMs + (8 + Math.floor(random() * 10)) * 3_600_000
    const cycleMs = (14 + random() * 76) * dayMs
    const team = Array.from({ length: 1 + Math.floor(random() * 3) }, pickPartner)
    // Some customers come by themselves: nobody touched those deals.
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
    return {
      events,
      deal: {
        id,
        amount: currency === 'JPY' ? Math.round(amount) * 150 : amount,
        currency,
        closed_date: toTimestamp(closedAt),
        attribution_model: pick(models),
      },
    }
  })
  // Every fifteenth deal has a touchpoint that somebody forgot to log.
  const forgotten = journeys.filter(({ events }, index) => index % 15 === 7 && events.length > 1)
  const late = new Set(forgotten.map(({ events }) => events[1]))
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

/** A deal to which everything happens: a touchpoint logged late, one after the close, and an amount that was wrong. */
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

/** The mulberry32 generator: numbers from 0 up to 1, the same ones for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

import type { Random } from './random.ts'
import { firstMonth, partners } from './fill-database.ts'

const year = 'start_date=2025-01-01&end_date=2025-12-31'
const day = 86_400_000

/** Paths of GET requests on a database that was filled with `deals` deals. */
export const readPaths: Readonly<Record<string, (random: Random, deals: number) => string>> = {
  'analytics, a year': () => `/analytics?${year}`,
  'analytics, any days': (random) => {
    const [start, end] = [random(1090), random(1090)].sort((a, b) => a - b).map(toDay)
    return `/analytics?start_date=${start}&end_date=${end}`
  },
  'analytics, from a day on': (random) => `/analytics?start_date=${toDay(random(900))}`,
  'analytics, everything': () => '/analytics',
  'partners of a year by payout': () => `/analytics/partners?${year}`,
  'partners of a year by name': () => `/analytics/partners?${year}&sort=name`,
  'analytics of a partner': (random) => `/analytics/partner/${toPartner(random)}`,
  'analytics of the biggest partner': () => '/analytics/partner/p1',
  'a partner': (random) => `/partners/${toPartner(random)}`,
  'a statement': () => '/partners/p1000/statement?month=2025-06',
  'an attribution': (random, deals) => `/attribution/deal-${1 + random(deals)}`,
  'an attribution, explained': (random, deals) => `/attribution/deal-${1 + random(deals)}?explain=true`,
  'attributions of a month': () => '/attributions?start_date=2025-06-01&end_date=2025-06-30',
  'attributions of a month, in a currency': () =>
    '/attributions?start_date=2025-06-01&end_date=2025-06-30&currency=GBP',
  'attributions of a partner': (random) => `/attributions?partner_id=${toPartner(random)}&limit=20`,
  'attributions of a partner, in a currency': (random) =>
    `/attributions?partner_id=${toPartner(random)}&currency=GBP&limit=20`,
  'the history of an attribution': (random, deals) => `/attribution/deal-${1 + random(deals)}/history`,
  'a deal': (random, deals) => `/deals/deal-${1 + random(deals)}`,
  deals: () => '/deals',
  'deals of a partner': (random) => `/deals?partner_id=${toPartner(random)}&limit=20`,
  'deals of a partner and a model': () => '/deals?partner_id=p20&attribution_model=linear&limit=20',
  'deals of a partner and a currency': () => '/deals?partner_id=p20&currency=GBP&limit=20',
  'deals of a partner, a model and a currency': () =>
    '/deals?partner_id=p20&attribution_model=linear&currency=GBP&limit=20',
  'deals of the biggest partner, in an unused currency': () => '/deals?partner_id=p1&currency=JPY',
  'deals of a model': () => '/deals?attribution_model=linear&limit=20',
  'deals of a model and a currency': () => '/deals?attribution_model=linear&currency=GBP&limit=20',
  'deals before a day': (random) => `/deals?end_date=${toDay(400 + random(600))}&limit=20`,
  'deals before an instant': (random) => `/deals?end_date=${toDay(400 + random(600))}T10:11:00Z&limit=20`,
  'deals of a partner, before a day': (random) =>
    `/deals?partner_id=${toPartner(random)}&end_date=${toDay(400 + random(600))}&limit=20`,
  events: () => '/events',
  'events before a day': (random) => `/events?end_date=${toDay(400 + random(600))}&limit=20`,
  'an event': (random, deals) => `/events/evt-${1 + random(deals)}-1`,
  'events of a partner': (random) => `/events?partner_id=${toPartner(random)}&limit=20`,
  'events of a deal': (random, deals) => `/events?deal_id=deal-${1 + random(deals)}`,
  partners: () => '/partners',
  'partners by e-mail': (random) => `/partners?email=${toPartner(random)}@example.com`,
  'a statement of the biggest partner': () => '/partners/p1/statement?month=2025-06',
}

function toDay(number: number): string {
  return new Date(Date.parse(firstMonth) + number * day).toISOString().slice(0, 10)
}

// The smallest partners of a small database have no deals.
function toPartner(random: Random): string {
  return `p${1 + random(partners / 10)}`
}

import type { Dice } from './dice.ts'
import { firstMonth, partners } from './fill.ts'

const year = 'start_date=2025-01-01&end_date=2025-12-31'
const day = 86_400_000

/** Requests that read, of a database that was filled with so many deals. */
export const reads: Readonly<Record<string, (dice: Dice, deals: number) => string>> = {
  'analytics, a year': () => `/analytics?${year}`,
  'analytics, any days': (dice) => {
    const [start, end] = [dice(1090), dice(1090)].sort((a, b) => a - b).map(toDay)
    return `/analytics?start_date=${start}&end_date=${end}`
  },
  'analytics, from a minute on': (dice) => `/analytics?start_date=${toDay(dice(900))}T10:11:00Z`,
  'analytics, everything': () => '/analytics',
  'partners of a year by payout': () => `/analytics/partners?${year}`,
  'partners of a year by name': () => `/analytics/partners?${year}&sort=name`,
  'analytics of a partner': (dice) => `/analytics/partner/${toPartner(dice)}`,
  'analytics of the biggest partner': () => '/analytics/partner/p1',
  'a partner': (dice) => `/partners/${toPartner(dice)}`,
  'a statement': () => '/partners/p1000/statement?month=2025-06',
  'an attribution': (dice, deals) => `/attribution/deal-${1 + dice(deals)}`,
  'an attribution, explained': (dice, deals) => `/attribution/deal-${1 + dice(deals)}?explain=true`,
  'the history of an attribution': (dice, deals) => `/attribution/deal-${1 + dice(deals)}/history`,
  'a deal': (dice, deals) => `/deals/deal-${1 + dice(deals)}`,
  deals: () => '/deals',
  'deals of a partner': (dice) => `/deals?partner_id=${toPartner(dice)}&limit=20`,
  'deals of a partner and a model': () => '/deals?partner_id=p20&attribution_model=linear&limit=20',
  'deals of a partner and a currency': () => '/deals?partner_id=p20&currency=GBP&limit=20',
  'deals of a partner, a model and a currency': () =>
    '/deals?partner_id=p20&attribution_model=linear&currency=GBP&limit=20',
  'deals of the biggest partner, in a currency of none': () => '/deals?partner_id=p1&currency=JPY',
  'deals of a model': () => '/deals?attribution_model=linear&limit=20',
  'deals of a model and a currency': () => '/deals?attribution_model=linear&currency=GBP&limit=20',
  'deals before a day': (dice) => `/deals?end_date=${toDay(400 + dice(600))}&limit=20`,
  events: () => '/events',
  'an event': (dice, deals) => `/events/evt-${1 + dice(deals)}-1`,
  'events of a partner': (dice) => `/events?partner_id=${toPartner(dice)}&limit=20`,
  'events of a deal': (dice, deals) => `/events?deal_id=deal-${1 + dice(deals)}`,
  partners: () => '/partners',
  'partners by e-mail': (dice) => `/partners?email=${toPartner(dice)}@example.com`,
  'a statement of the biggest partner': () => '/partners/p1/statement?month=2025-06',
}

function toDay(number: number): string {
  return new Date(Date.parse(firstMonth) + number * day).toISOString().slice(0, 10)
}

// The smallest partners of a small database have no deal at all.
function toPartner(dice: Dice): string {
  return `p${1 + dice(partners / 10)}`
}

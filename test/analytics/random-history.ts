import type { TestApp } from '../support/app.ts'
import type { Random } from '../support/random.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { toTimestamp } from '../../src/values/instants.ts'
import { generalModels } from '../../src/attribution/models.ts'
import { touchpointTypes } from '../../src/attribution/touch.ts'

const currencies = ['USD', 'USD', 'USD', 'JPY', 'KWD']
// Few instants a day, so that random days often begin or end at a row: the minutes around midnight in the zones below.
const minutes = [
  '00:00',
  '02:29',
  '02:30',
  '03:29',
  '03:30',
  '12:59',
  '13:00',
  '13:59',
  '14:00',
  '18:14',
  '18:15',
]
const instantsADay = minutes.length
const days = 26 * 30
const first = Date.UTC(2023, 10, 20)
const day = 86_400_000
const partners = 18
const anyOffsets = ['Z', '+11:00', '+10:00', '-03:30', '-02:30', '+05:45']

/** Zones whose midnights are far from that of UTC. All but two change their clocks in the period of a history. */
export const timeZones = ['Australia/Sydney', 'America/St_Johns', 'Asia/Kathmandu', 'UTC'] as const

/** The instant with this number in the period of a history. */
function instantAt(at: number): string {
  return `${dateAt(Math.floor(at / instantsADay))}T${minutes[at % instantsADay]}:00.000Z`
}

function dateAt(number: number): string {
  return new Date(first + number * day).toISOString().slice(0, 10)
}

/** The same instant, or its day: as a midnight in some offset, or as a date. */
function closeAt(random: Random, at: number, offsets: readonly string[]): string {
  const date = dateAt(Math.floor(at / instantsADay))
  const midnight = `${date}T00:00:00${offsets[random(offsets.length)]}`
  return [instantAt(at), instantAt(at), midnight, date][random(4)] as string
}

/** Stores deals with touchpoints before and after their close; some deals are amended, refunded or voided, and some owe by a plan. */
export async function givenHistory(
  { call }: Pick<TestApp, 'call'>,
  random: Random,
  deals: number,
  prefix = 'd',
  { offsets = anyOffsets } = {},
) {
  const partner = () => `p${random(partners)}`
  const post = async (path: string, body: object) => {
    const { statusCode, body: answer } = await call('POST', path, body)
    if (statusCode >= 300) throw new Error(`${path}: ${answer}`)
  }
  const touch = (id: string, deal_id: string, at: number) =>
    post('/events', {
      id,
      deal_id,
      partner_id: partner(),
      touchpoint_type: touchpointTypes[random(touchpointTypes.length)],
      timestamp: instantAt(at),
    })
  for (let index = 0; index < partners; index += 1) {
    const name = `Partner ${(index * 7) % 5}`
    await post('/partners', { id: `p${index}`, name, email: `p${index}@example.com` })
  }
  await post('/commission-plans', {
    id: 'part',
    name: 'Part of the payout',
    effective_from: '2023-12-15',
    rules: [
      { when: { partner_ids: ['p1', 'p2'] }, flat: { amount: 7.01, currency: 'USD' } },
      { rate: '12.5' },
    ],
  })
  for (let index = 0; index < deals; index += 1) {
    const id = `${prefix}${index}`
    const closed = 21 * instantsADay + random((days - 21) * instantsADay)
    const touches = random(6)
    for (let n = 0; n < touches; n += 1) await touch(`${id}-${n}`, id, closed - random(21 * instantsADay))
    await post('/deals', {
      id,
      amount: 1 + random(1_000_000),
      currency: currencies[random(currencies.length)],
      closed_date: closeAt(random, closed, offsets),
      attribution_model: generalModels[random(generalModels.length)],
      ...(index % 3 === 0 && { commission_plan_id: 'part' }),
    })
    if (index % 7 === 0) await call('PATCH', `/deals/${id}`, { commission_plan_id: 'part' })
    if (index % 4 === 1)
      await call('POST', `/deals/${id}/refunds`, { id, amount: 1 + ((index * 997) % 300_000) })
    if (index % 12 === 1) await call('POST', `/refunds/${id}/void`, { reason: 'a mistake' })
    if (random(4) === 0) await touch(`${id}-late`, id, closed - random(8 * instantsADay))
    if (random(5) === 0 && touches > 0) await post(`/events/${id}-0/void`, { reason: 'counted twice' })
    if (random(6) === 0) {
      await call('PATCH', `/deals/${id}`, {
        amount: 1 + random(9999),
        closed_date: closeAt(random, random(days * instantsADay), offsets),
      })
    }
    if (random(10) === 0) await post(`/deals/${id}/void`, { reason: 'fell through' })
  }
}

/** A random query, whose bounds are missing, dates, or instants at which a day begins or ends, and its period. */
export function randomFilter(random: Random, calendar = createCalendar('UTC')) {
  const [from, to] = [random(days), random(days)].sort((a, b) => a - b).map(dateAt) as [string, string]
  const ends = toTimestamp(calendar.endOf(to) - 1)
  const start = [undefined, from, from, toTimestamp(calendar.startOf(from))][random(4)]
  const end = [undefined, to, to, ends, ends.replace('.999Z', 'Z')][random(5)]
  const currency = currencies[random(currencies.length)] as string
  const filter = { ...(start && { start_date: start }), ...(end && { end_date: end }), currency }
  return {
    query: new URLSearchParams(filter).toString(),
    period: {
      currency,
      timeZone: calendar.timeZone,
      ...(start && { first: from }),
      ...(end && { last: to }),
    },
  }
}

import type { TestApp } from '../support/app.ts'
import type { Random } from '../support/random.ts'

const models = ['equal', 'first-touch', 'last-touch', 'role-based', 'time-decay', 'linear', 'position-based']
const types = ['referral', 'demo', 'intro', 'support', 'closer', 'other']
const currencies = ['USD', 'USD', 'USD', 'JPY', 'KWD']
// Few instants a day, so that random ranges often start or end at a row.
const minutes = [9 * 60, 9 * 60 + 20, 9 * 60 + 40, 24 * 60 - 10]
const day = minutes.length
const days = 26 * 30
const first = Date.UTC(2023, 10, 20)
const minute = 60_000

const partners = 18

/** The instant with this number in the period of a history. */
function instantAt(at: number): string {
  const ofDay = minutes[at % day] as number
  return new Date(first + (Math.floor(at / day) * 24 * 60 + ofDay) * minute).toISOString()
}

/** Stores deals with touchpoints before and after their close; some deals are amended or voided. */
export async function givenHistory(
  { call }: Pick<TestApp, 'call'>,
  random: Random,
  deals: number,
  prefix = 'd',
) {
  const partner = () => `p${random(partners)}`
  const sent = async (path: string, body: object) => {
    const { statusCode, body: answer } = await call('POST', path, body)
    if (statusCode >= 300) throw new Error(`${path}: ${answer}`)
  }
  const touch = (id: string, deal_id: string, at: number) =>
    sent('/events', {
      id,
      deal_id,
      partner_id: partner(),
      touchpoint_type: types[random(6)],
      timestamp: instantAt(at),
    })
  for (let index = 0; index < partners; index += 1) {
    const name = `Partner ${(index * 7) % 5}`
    await sent('/partners', { id: `p${index}`, name, email: `p${index}@example.com` })
  }
  for (let index = 0; index < deals; index += 1) {
    const id = `${prefix}${index}`
    const closed = 21 * day + random((days - 21) * day)
    const touches = random(6)
    for (let n = 0; n < touches; n += 1) await touch(`${id}-${n}`, id, closed - random(21 * day))
    await sent('/deals', {
      id,
      amount: 1 + random(1_000_000),
      currency: currencies[random(5)],
      closed_date: instantAt(closed),
      attribution_model: models[random(7)],
    })
    if (random(4) === 0) await touch(`${id}-late`, id, closed - random(8 * day))
    if (random(5) === 0 && touches > 0) await sent(`/events/${id}-0/void`, { reason: 'counted twice' })
    if (random(6) === 0) {
      await call('PATCH', `/deals/${id}`, {
        amount: 1 + random(9999),
        closed_date: instantAt(random(days * day)),
      })
    }
    if (random(10) === 0) await sent(`/deals/${id}/void`, { reason: 'fell through' })
  }
}

/** A random query, with bounds that are missing, dates or instants, and the period that it stands for. */
export function randomFilter(random: Random) {
  const bounds = [random(days * day), random(days * day)].sort((a, b) => a - b).map(instantAt)
  const [start, end] = bounds.map((at) => [undefined, at.slice(0, 10), at.slice(0, 10), at][random(4)])
  const currency = currencies[random(5)] as string
  const filter = { ...(start && { start_date: start }), ...(end && { end_date: end }), currency }
  return {
    query: new URLSearchParams(filter).toString(),
    period: {
      currency,
      ...(start && { from: new Date(start).toISOString() }),
      ...(end && {
        before: new Date(Date.parse(end) + (end.length === 10 ? 24 * 60 * minute : 1)).toISOString(),
      }),
    },
  }
}

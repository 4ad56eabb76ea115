import type { TestApp } from '../support/app.ts'
import type { Dice } from '../support/dice.ts'

const models = ['equal', 'first-touch', 'last-touch', 'role-based', 'time-decay', 'linear', 'position-based']
const types = ['referral', 'demo', 'intro', 'support', 'closer', 'other']
const currencies = ['USD', 'USD', 'USD', 'JPY', 'KWD']
// So few instants a day that a range often begins or ends at one that holds something.
const minutes = [9 * 60, 9 * 60 + 20, 9 * 60 + 40, 24 * 60 - 10]
const day = minutes.length
const days = 26 * 30
const first = Date.UTC(2023, 10, 20)
const minute = 60_000

const partners = 18

/** An instant of the time that a history goes over. */
function instantAt(at: number): string {
  const ofDay = minutes[at % day] as number
  return new Date(first + (Math.floor(at / day) * 24 * 60 + ofDay) * minute).toISOString()
}

/** Deals with touchpoints before and after their close, amended and voided ones among them. */
export async function givenHistory({ call }: Pick<TestApp, 'call'>, dice: Dice, deals: number, prefix = 'd') {
  const partner = () => `p${dice(partners)}`
  const sent = async (path: string, body: object) => {
    const { statusCode, body: answer } = await call('POST', path, body)
    if (statusCode >= 300) throw new Error(`${path}: ${answer}`)
  }
  const touch = (id: string, deal_id: string, at: number) =>
    sent('/events', {
      id,
      deal_id,
      partner_id: partner(),
      touchpoint_type: types[dice(6)],
      timestamp: instantAt(at),
    })
  for (let index = 0; index < partners; index += 1) {
    const name = `Partner ${(index * 7) % 5}`
    await sent('/partners', { id: `p${index}`, name, email: `p${index}@example.com` })
  }
  for (let index = 0; index < deals; index += 1) {
    const id = `${prefix}${index}`
    const closed = 21 * day + dice((days - 21) * day)
    const touches = dice(6)
    for (let n = 0; n < touches; n += 1) await touch(`${id}-${n}`, id, closed - dice(21 * day))
    await sent('/deals', {
      id,
      amount: 1 + dice(1_000_000),
      currency: currencies[dice(5)],
      closed_date: instantAt(closed),
      attribution_model: models[dice(7)],
    })
    if (dice(4) === 0) await touch(`${id}-late`, id, closed - dice(8 * day))
    if (dice(5) === 0 && touches > 0) await sent(`/events/${id}-0/void`, { reason: 'counted twice' })
    if (dice(6) === 0) {
      await call('PATCH', `/deals/${id}`, {
        amount: 1 + dice(9999),
        closed_date: instantAt(dice(days * day)),
      })
    }
    if (dice(10) === 0) await sent(`/deals/${id}/void`, { reason: 'fell through' })
  }
}

/** A random filter, its bounds missing, days or instants, and what it means. */
export function rollFilter(dice: Dice) {
  const bounds = [dice(days * day), dice(days * day)].sort((a, b) => a - b).map(instantAt)
  const [start, end] = bounds.map((at) => [undefined, at.slice(0, 10), at.slice(0, 10), at][dice(4)])
  const currency = currencies[dice(5)] as string
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

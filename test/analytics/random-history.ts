import type { TestApp } from '../support/app.ts'
import type { Random } from '../support/random.ts'
import { modelNames } from '../../src/attribution/models.ts'
import { touchpointTypes } from '../../src/attribution/touch.ts'

const currencies = ['USD', 'USD', 'USD', 'JPY', 'KWD']
// Few instants a day, so that random ranges often start or end at a row.
const minutes = [9 * 60, 9 * 60 + 20, 9 * 60 + 40, 24 * 60 - 10]
const instantsADay = minutes.length
const days = 26 * 30
const first = Date.UTC(2023, 10, 20)
const minute = 60_000
const partners = 18

/** The instant with this number in the period of a history. */
function instantAt(at: number): string {
  const ofDay = minutes[at % instantsADay] as number
  return new Date(first + (Math.floor(at / instantsADay) * 24 * 60 + ofDay) * minute).toISOString()
}

/** Stores deals with touchpoints before and after their close; some deals are amended or voided. */
export async function givenHistory(
  { call }: Pick<TestApp, 'call'>,
  random: Random,
  deals: number,
  prefix = 'd',
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
  for (let index = 0; index < deals; index += 1) {
    const id = `${prefix}${index}`
    const closed = 21 * instantsADay + random((days - 21) * instantsADay)
    const touches = random(6)
    for (let n = 0; n < touches; n += 1) await touch(`${id}-${n}`, id, closed - random(21 * instantsADay))
    await post('/deals', {
      id,
      amount: 1 + random(1_000_000),
      currency: currencies[random(currencies.length)],
      closed_date: instantAt(closed),
      attribution_model: modelNames[random(modelNames.length)],
    })
    if (random(4) === 0) await touch(`${id}-late`, id, closed - random(8 * instantsADay))
    if (random(5) === 0 && touches > 0) await post(`/events/${id}-0/void`, { reason: 'counted twice' })
    if (random(6) === 0) {
      await call('PATCH', `/deals/${id}`, {
        amount: 1 + random(9999),
        closed_date: instantAt(random(days * instantsADay)),
      })
    }
    if (random(10) === 0) await post(`/deals/${id}/void`, { reason: 'fell through' })
  }
}

/** A random query, whose bounds are missing, dates or instants, and its period. */
export function randomFilter(random: Random) {
  const bounds = [random(days * instantsADay), random(days * instantsADay)]
    .sort((a, b) => a - b)
    .map(instantAt)
  const [start, end] = bounds.map((at) => [undefined, at.slice(0, 10), at.slice(0, 10), at][random(4)])
  const currency = currencies[random(currencies.length)] as string
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

import { repeat } from './send.ts'
import { type Attack, createTally, type Outcome } from './tally.ts'
import type { Target } from './target.ts'

// As much as an event may hold.
const metadata = { note: 'x'.repeat(16_300) }
const day = '2025-01-01'
export const fullDeal = 'siege-full'
const fullDeals = 10

/** What can be done to deals of any size. */
export const deals: readonly Attack[] = [
  { name: 'events of 16 kB on one deal', run: fillDeal },
  { name: 'every read of a full deal', run: readFullDeal },
  { name: 'late events on full deals', run: lateEvents },
]

function eventOf(n: number, dealId: string): object {
  const timestamp = `${day}T00:00:${String(n % 60).padStart(2, '0')}Z`
  return {
    id: `${dealId}-${n}`,
    partner_id: `p${n % 50}`,
    deal_id: dealId,
    touchpoint_type: 'demo',
    timestamp,
  }
}

/** Registers the partners that the events of these attacks name. */
export async function givenPartners({ send, key }: Target): Promise<void> {
  await repeat(50, 8, (n) =>
    send({
      method: 'POST',
      path: '/partners',
      key,
      body: `{"id":"p${n}","name":"P","email":"p${n}@example.com"}`,
    }),
  )
}

/** Batches are refused once the deal is full, and so are single events and lines. */
async function fillDeal(target: Target): Promise<Outcome> {
  const { send, key, pick } = target
  const tally = createTally(200, 201, 409, 503)
  const size = 60
  const count = pick(34_000, 600)
  await givenPartners(target)
  await repeat(Math.ceil(count / size), 4, async (batch) => {
    const events = Array.from({ length: size }, (_, n) => ({
      ...eventOf(batch * size + n, fullDeal),
      metadata,
    }))
    const answer = await send({
      method: 'POST',
      path: '/events/batch',
      key,
      body: JSON.stringify({ events }),
    })
    tally.add(answer, answer.status !== 409 || answer.text.includes('deal_full'))
  })
  const event = JSON.stringify({ ...eventOf(count, fullDeal), metadata })
  tally.add(await send({ method: 'POST', path: '/events', key, body: event }))
  tally.add(
    await send({
      method: 'POST',
      path: '/events/import',
      key,
      type: 'application/x-ndjson',
      body: `${event}\n`,
    }),
  )
  const deal = {
    id: fullDeal,
    amount: 1000,
    closed_date: '2025-06-01T00:00:00Z',
    attribution_model: 'time-decay',
  }
  tally.add(await send({ method: 'POST', path: '/deals', key, body: JSON.stringify(deal) }))
  return tally.outcome()
}

/** Several clients at once; every third hangs up in the middle. */
async function readFullDeal({ send, key, pick }: Target): Promise<Outcome> {
  const tally = createTally(200, 503, 'cut')
  const reads = [
    `/deals/${fullDeal}`,
    `/attribution/${fullDeal}`,
    `/attribution/${fullDeal}?explain=true`,
    `/attribution/${fullDeal}?explain=true&as_of=2030-01-01T00:00:00Z`,
    `/attribution/${fullDeal}/compare`,
    `/attribution/${fullDeal}/history`,
    `/events?deal_id=${fullDeal}`,
  ]
  const scenario = '{"start_date":"2024-01-01","end_date":"2026-12-31","attribution_model":"equal"}'
  let longest = 0
  await repeat(pick(140, 21), 8, async (n) => {
    const hangUp = n % 3 === 2 ? { hangUpAfterMs: 20 + (n % 7) * 30 } : {}
    const path = reads[n % (reads.length + 1)]
    const request =
      path === undefined
        ? { method: 'POST', path: '/analytics/what-if', key, body: scenario, ...hangUp }
        : { path, key, ...hangUp }
    const answer = await send(request)
    longest = Math.max(longest, answer.bytes)
    tally.add(answer, answer.status !== 'cut' || n % 3 === 2)
  })
  return tally.outcome({ figures: `answers of up to ${(longest / 1e6).toFixed(1)} MB` })
}

/** Each late event splits its deal again; a batch of them touches every full deal. */
async function lateEvents({ send, key, pick }: Target): Promise<Outcome> {
  const tally = createTally(200, 201, 409, 503)
  const touchpoints = pick(4900, 200)
  const late = (n: number) =>
    Array.from({ length: 20 }, (_, m) => eventOf(touchpoints + n * 20 + m, `late-${m % fullDeals}`))
  await repeat(fullDeals, 2, async (deal) => {
    const lines = Array.from(
      { length: touchpoints },
      (_, n) => `${JSON.stringify(eventOf(n, `late-${deal}`))}\n`,
    )
    const body = lines.join('')
    tally.add(await send({ method: 'POST', path: '/events/import', key, type: 'application/x-ndjson', body }))
    const closed = {
      id: `late-${deal}`,
      amount: 1000,
      closed_date: '2025-06-01T00:00:00Z',
      attribution_model: 'time-decay',
    }
    tally.add(await send({ method: 'POST', path: '/deals', key, body: JSON.stringify(closed) }))
  })
  await repeat(pick(100, 5), 4, async (n) =>
    tally.add(
      await send({ method: 'POST', path: '/events/batch', key, body: JSON.stringify({ events: late(n) }) }),
    ),
  )
  return tally.outcome()
}

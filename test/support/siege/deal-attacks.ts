import { repeat } from '../concurrency.ts'
import { type Attack, createAnswerCounter, type Outcome } from './outcome.ts'
import type { Target } from './target.ts'

// The largest metadata that an event may have.
const metadata = { note: 'x'.repeat(16_300) }
const day = '2025-01-01'
export const fullDeal = 'siege-full'
const fullDeals = 10

/** Attacks on deals at their limits. */
export const dealAttacks: readonly Attack[] = [
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

/** Registers the partners of the events in these attacks. */
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

/** Once the deal is full, batches, single events and imported lines must be refused. */
async function fillDeal(target: Target): Promise<Outcome> {
  const { send, key, pick } = target
  const counter = createAnswerCounter(200, 201, 409, 503)
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
    counter.add(answer, answer.status !== 409 || answer.text.includes('deal_full'))
  })
  const event = JSON.stringify({ ...eventOf(count, fullDeal), metadata })
  counter.add(await send({ method: 'POST', path: '/events', key, body: event }))
  counter.add(
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
  counter.add(await send({ method: 'POST', path: '/deals', key, body: JSON.stringify(deal) }))
  return counter.outcome()
}

/** Several clients read at once; every third disconnects before the answer. */
async function readFullDeal({ send, key, pick }: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200, 503, 'cut')
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
    counter.add(answer, answer.status !== 'cut' || n % 3 === 2)
  })
  return counter.outcome({ measured: `answers of up to ${(longest / 1e6).toFixed(1)} MB` })
}

/** Each batch of late events splits every full deal again. */
async function lateEvents({ send, key, pick }: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200, 201, 409, 503)
  const touchpoints = pick(4900, 200)
  const late = (n: number) =>
    Array.from({ length: 20 }, (_, m) => eventOf(touchpoints + n * 20 + m, `late-${m % fullDeals}`))
  await repeat(fullDeals, 2, async (deal) => {
    const lines = Array.from(
      { length: touchpoints },
      (_, n) => `${JSON.stringify(eventOf(n, `late-${deal}`))}\n`,
    )
    const body = lines.join('')
    counter.add(
      await send({ method: 'POST', path: '/events/import', key, type: 'application/x-ndjson', body }),
    )
    const closed = {
      id: `late-${deal}`,
      amount: 1000,
      closed_date: '2025-06-01T00:00:00Z',
      attribution_model: 'time-decay',
    }
    counter.add(await send({ method: 'POST', path: '/deals', key, body: JSON.stringify(closed) }))
  })
  await repeat(pick(100, 5), 4, async (n) =>
    counter.add(
      await send({ method: 'POST', path: '/events/batch', key, body: JSON.stringify({ events: late(n) }) }),
    ),
  )
  return counter.outcome()
}

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { repeat } from '../concurrency.ts'
import { givenPartners } from './deal-attacks.ts'
import { type AnswerCounter, type Attack, createAnswerCounter, type Outcome } from './outcome.ts'
import type { Target } from './target.ts'

// The deals of the other attacks closed in other years.
const period = 'start_date=2023-01-01&end_date=2023-12-31&currency=USD'
const partners = 50
const payoutColumn = 7

/** Attacks by exports. The full form has 1,000,000 shares. */
export const exportAttacks: readonly Attack[] = [
  { name: 'exports of every share, some cut off by their clients', run: exportShares },
]

/** Six clients export at once; every third disconnects. The payouts of an export must add up to analytics. */
async function exportShares(target: Target): Promise<Outcome> {
  const { send, key, pick } = target
  const deals = pick(20_000, 100)
  const counter = createAnswerCounter(200, 503, 'cut')
  await givenSplits(target, deals, counter)
  await repeat(pick(18, 6), 6, async (n) => {
    const format = n % 2 === 0 ? 'csv' : 'ndjson'
    const hangUp = n % 3 === 2 ? { hangUpAfterMs: 20 + n * 30 } : {}
    const answer = await send({ path: `/attributions.${format}?${period}`, key, ...hangUp })
    counter.add(answer, answer.status !== 'cut' || n % 3 === 2)
  })
  const began = performance.now()
  const { shares, cents, end } = await readExport(target)
  const seconds = (performance.now() - began) / 1000
  const analytics = await send({ path: `/analytics?${period}`, key })
  const { overview } = JSON.parse(analytics.text) as { overview: { total_revenue: number } }
  const isRight = shares === deals * partners && cents === Math.round(overview.total_revenue * 100)
  counter.add(analytics, isRight)
  return counter.outcome({ measured: `${shares} shares in ${seconds.toFixed(1)} s, ${end}` })
}

async function givenSplits(target: Target, deals: number, counter: AnswerCounter): Promise<void> {
  const { send, key } = target
  await givenPartners(target)
  const imported = await send({
    method: 'POST',
    path: '/events/import',
    key,
    type: 'application/x-ndjson',
    body: linesOf(deals),
  })
  if (imported.status !== 200) counter.add(imported, false)
  await repeat(deals, 16, async (n) => {
    const closed = await send({
      method: 'POST',
      path: '/deals',
      key,
      body: JSON.stringify({
        id: `export-${n}`,
        // The nearest double of an amount in cents; a sum of two has more decimals.
        amount: (100_000 + n) / 100,
        closed_date: '2023-06-01T00:00:00Z',
        attribution_model: 'equal',
      }),
    })
    if (closed.status !== 201) counter.add(closed, false)
  })
}

/** The touchpoints of each deal: one of each partner. */
function* linesOf(deals: number): Generator<string> {
  for (let deal = 0; deal < deals; deal += 1) {
    const lines = Array.from({ length: partners }, (_, n) => {
      const event = { partner_id: `p${n}`, touchpoint_type: 'demo', timestamp: '2023-01-01T00:00:00Z' }
      return `${JSON.stringify({ id: `export-${deal}-${n}`, deal_id: `export-${deal}`, ...event })}\n`
    })
    yield lines.join('')
  }
}

/** The number of shares of an export, the sum of their payouts, and whether it was whole or why it was cut off. */
async function readExport({ url, key }: Target) {
  const answer = await fetch(new URL(`/attributions.csv?${period}`, url), { headers: { 'x-api-key': key } })
  const lines = createInterface({ input: Readable.fromWeb(answer.body as ReadableStream) })
  // The head is no share.
  let shares = -1
  let cents = 0
  try {
    for await (const line of lines) {
      shares += 1
      if (shares > 0) cents += Math.round(Number(line.split(',')[payoutColumn]) * 100)
    }
  } catch (error) {
    return { shares, cents, end: `cut off: ${String((error as Error).cause ?? error)}` }
  }
  return { shares, cents, end: 'whole' }
}

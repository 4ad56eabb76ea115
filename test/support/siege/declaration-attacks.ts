import { repeat } from '../concurrency.ts'
import { givenPartners } from './deal-attacks.ts'
import { type Attack, createAnswerCounter, type Outcome } from './outcome.ts'
import type { Target } from './target.ts'

const corrected = 'siege-corrected'
const closed = { amount: 1000, closed_date: '2025-06-01', attribution_model: 'time-decay' }
const types = ['demo', 'closer', 'referral'] as const
// The largest metadata that a deal may have.
const longText = 'x'.repeat(16_300)

/** Attacks by declarations and corrections. */
export const declarationAttacks: readonly Attack[] = [
  { name: 'corrections of every touchpoint of a full deal', run: correctAll },
  { name: 'every read of a deal with many corrections', run: readCorrected },
  { name: 'declarations of one deal with the longest metadata', run: declareOften },
  { name: 'import: declared lines of 128 kB', run: declareLongLines },
  { name: 'import: one event that moves between full deals', run: moveEvent },
  { name: 'a source that holds everything, nothing, and everything again', run: followSource },
]

function importLines({ send, key }: Target, lines: readonly object[]) {
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  return send({ method: 'POST', path: '/import?mode=declare', key, type: 'application/x-ndjson', body })
}

function eventOf(n: number, touchpoint_type: string, deal_id = corrected): object {
  const timestamp = `2025-01-01T00:00:${String(n % 60).padStart(2, '0')}Z`
  return {
    kind: 'event',
    id: `${deal_id}-${n}`,
    partner_id: `p${n % 50}`,
    deal_id,
    touchpoint_type,
    timestamp,
  }
}

/** A deal keeps 5,000 earlier revisions; further corrections must be refused. */
async function correctAll(target: Target): Promise<Outcome> {
  const touchpoints = target.pick(4900, 200)
  const counter = createAnswerCounter(200)
  await givenPartners(target)
  counter.add(await importLines(target, [{ kind: 'deal', id: corrected, ...closed }]))
  for (let round = 0; round < 3; round += 1) {
    const lines = Array.from({ length: touchpoints }, (_, n) => eventOf(n, types[round] as string))
    const answer = await importLines(target, lines)
    const isFull = target.pick(1, 0) === 1 && round === 2
    counter.add(answer, isFull ? answer.text.includes('deal_full') : answer.text.includes('"refused":0,'))
  }
  return counter.outcome()
}

/** Several clients read at once; every third disconnects before the answer. */
async function readCorrected({ send, key, pick }: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200, 503, 'cut')
  const reads = [
    `/attribution/${corrected}?explain=true`,
    `/attribution/${corrected}?explain=true&as_of=2100-01-01T00:00:00Z`,
    `/attribution/${corrected}/history?limit=1000`,
    `/attribution/${corrected}/compare`,
    `/deals/${corrected}`,
    `/events/${corrected}-0/revisions`,
  ]
  await repeat(pick(120, 18), 8, async (n) => {
    const hangUp = n % 3 === 2 ? { hangUpAfterMs: 20 + (n % 7) * 30 } : {}
    const answer = await send({ path: reads[n % reads.length] as string, key, ...hangUp })
    counter.add(answer, answer.status !== 'cut' || n % 3 === 2)
  })
  return counter.outcome()
}

async function declareOften({ send, key, pick }: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200, 201, 503)
  await repeat(pick(2000, 40), 16, async (n) => {
    const deal = { ...closed, amount: 1 + n, metadata: { [`a${n}`]: longText } }
    counter.add(await send({ method: 'PUT', path: '/deals/siege-declared', key, body: JSON.stringify(deal) }))
  })
  return counter.outcome()
}

/** Deals agreed among 500 partners, each with an id of 128 characters, and the longest metadata. */
async function declareLongLines(target: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200)
  const ids = Array.from({ length: 500 }, (_, n) => `long-${n}-`.padEnd(128, 'x'))
  counter.add(
    await importLines(
      target,
      ids.map((id) => ({ kind: 'partner', id, name: 'P' })),
    ),
  )
  const dealOf = (n: number, round: number) => ({
    kind: 'deal',
    id: `siege-agreed-${n}`,
    ...closed,
    attribution_model: 'agreed',
    model_parameters: {
      shares: ids.map((partner_id, place) => ({ partner_id, percentage: place === round ? 0.1 : 0.2 })),
    },
    metadata: { text: longText },
  })
  for (let round = 0; round < 2; round += 1) {
    const lines = Array.from({ length: target.pick(300, 20) }, (_, n) => dealOf(n, round))
    const answer = await importLines(target, lines)
    counter.add(answer, answer.text.includes('"refused":0,'))
  }
  return counter.outcome()
}

/** Each line is a change of two deals, with a version of each. */
async function moveEvent(target: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200)
  await givenPartners(target)
  const touchpoints = target.pick(2000, 100)
  const deals = ['siege-from', 'siege-to']
  for (const id of deals) {
    const lines = Array.from({ length: touchpoints }, (_, n) => eventOf(n, 'demo', id))
    counter.add(await importLines(target, [...lines, { kind: 'deal', id, ...closed }]))
  }
  const moves = Array.from({ length: target.pick(200, 20) }, (_, n) => ({
    ...eventOf(0, 'demo'),
    id: 'siege-moving',
    deal_id: deals[n % 2],
  }))
  const answer = await importLines(target, moves)
  counter.add(answer, answer.text.includes('"refused":0,'))
  return counter.outcome()
}

async function followSource(target: Target): Promise<Outcome> {
  const { send, key, pick } = target
  const counter = createAnswerCounter(200)
  const ids = Array.from({ length: pick(1000, 250) }, (_, n) => `source-${10_000 + n}`)
  counter.add(
    await importLines(
      target,
      ids.map((id) => ({ kind: 'deal', id, ...closed, attribution_model: 'equal' })),
    ),
  )
  for (const held of [ids, [], ids]) {
    const body = JSON.stringify({ source: 'siege', kind: 'deal', ids: held, missing: 'void' })
    for (let isComplete = false; !isComplete;) {
      const answer = await send({ method: 'POST', path: '/import/presence', key, body })
      counter.add(answer)
      isComplete = answer.status !== 200 || answer.text.includes('"is_complete":true')
    }
  }
  return counter.outcome()
}

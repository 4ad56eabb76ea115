import { repeat } from '../concurrency.ts'
import { type Attack, createAnswerCounter, type Outcome } from './outcome.ts'
import type { Target } from './target.ts'

const touch = '"partner_id":"p1","deal_id":"d1","touchpoint_type":"demo"'
const megabyte = 1_040_000
const mostBytes = 150_000

/** Attacks by request bodies, with a key. */
export const bodyAttacks: readonly Attack[] = [
  { name: 'bodies nested to several depths', run: nest },
  { name: '90,000 unknown properties', run: (target) => refuseAll(target, unknownProperties()) },
  {
    name: '140,000 unknown properties in 1,000 rows',
    run: (target) => refuseAll(target, unknownPropertiesInRows(), '/events/batch'),
  },
  { name: 'names of 1 MB', run: (target) => refuseAll(target, longNames()) },
  { name: 'metadata of 500,000 items', run: (target) => refuseAll(target, flatMetadata()) },
  { name: 'many small numbers', run: (target) => refuseAll(target, manyNumbers()) },
  { name: 'lists of faulty rows', run: (target) => refuseAll(target, faultyRows(), '/events/batch') },
  { name: 'simulations of large deals', run: simulate },
]

/** Values nested to several depths, with and without a number before them, complete or cut. */
export function* nestedTexts(most: number): Generator<string> {
  for (const depth of [25, 100, 1000, 5000, 10_000, 50_000, 100_000]) {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
      ['[1e1,[', ']]'],
    ] as const) {
      for (const number of ['', '1e1', '12345678901234567890', '0.10000000000000000001']) {
        const behind = number === '' ? '' : `"n":${number},`
        const text = `{${behind}${touch},"metadata":{"a":${open.repeat(depth)}1${close.repeat(depth)}}}`
        if (text.length <= most) yield* [text, text.slice(0, -depth)]
      }
    }
  }
}

async function nest({ send, key, pick }: Target): Promise<Outcome> {
  const counter = createAnswerCounter(400)
  const texts = [...nestedTexts(pick(megabyte, 60_000))]
  await repeat(texts.length, 4, async (n) =>
    counter.add(await send({ method: 'POST', path: '/events', key, body: texts[n] as string })),
  )
  return counter.outcome()
}

/** Sends each body several times; each answer must be a short 400. */
async function refuseAll(
  { send, key, pick }: Target,
  texts: readonly string[],
  path = '/events',
): Promise<Outcome> {
  const counter = createAnswerCounter(400)
  let longest = 0
  await repeat(texts.length * pick(10, 2), 2, async (n) => {
    const answer = await send({ method: 'POST', path, key, body: texts[n % texts.length] as string })
    longest = Math.max(longest, answer.bytes)
    counter.add(answer, answer.bytes <= mostBytes)
  })
  return counter.outcome({ measured: `answers of up to ${longest} bytes` })
}

function unknownProperties(): readonly string[] {
  const flat = Array.from({ length: 90_000 }, (_, n) => `"${n}":0`).join()
  return [`{${flat}}`, `{${touch},${flat}}`, `{${touch},"metadata":{},${flat}}`]
}

function unknownPropertiesInRows(): readonly string[] {
  const row = Array.from({ length: 140 }, (_, n) => `"${n.toString(36)}":0`).join()
  return [`{"events":[${Array(1000).fill(`{${row}}`).join()}]}`]
}

function longNames(): readonly string[] {
  const names = ['x', '\\u0001', 'é', '/', '~']
  return names.map(
    (name) => `{${touch},"${name.repeat(Math.floor(megabyte / Buffer.byteLength(name)) - 100)}":1}`,
  )
}

function flatMetadata(): readonly string[] {
  return ['0', '[]', '""', '{}'].map(
    (item) =>
      `{${touch},"metadata":{"a":[${Array(Math.floor(megabyte / (item.length + 1)) - 100)
        .fill(item)
        .join()}]}}`,
  )
}

function manyNumbers(): readonly string[] {
  return ['1e1', '1.5', '-0', '1e400', '0.12345678901234567890', '12345678901234567'].flatMap((number) => {
    const list = Array(Math.floor(megabyte / (number.length + 1)) - 100)
      .fill(number)
      .join()
    return [`[${list}]`, `{${touch},"metadata":{"a":[${list}]}}`]
  })
}

function faultyRows(): readonly string[] {
  return ['{}', '{"a":1,"b":2,"c":3,"d":4,"e":5}', '1', '[]'].map((row) => {
    const count = Math.floor(megabyte / (row.length + 1)) - 100
    return `{"events":[${Array(count).fill(row).join()}]}`
  })
}

/** Each request has another amount, so that the memo cannot answer it, and as many partners as a deal may have. */
async function simulate({ send, key, pick }: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200, 503)
  const events = Array.from({ length: 1000 }, (_, n) => ({
    partner_id: `${n % 500}${'p'.repeat(120)}`,
    touchpoint_type: 'demo',
    timestamp: `2025-01-0${1 + (n % 9)}T00:00:00Z`,
  }))
  const rest = JSON.stringify({
    closed_date: '2025-02-01T00:00:00Z',
    attribution_model: 'equal',
    events,
  }).slice(1)
  await repeat(pick(1000, 20), 8, async (n) =>
    counter.add(
      await send({ method: 'POST', path: '/attribution/simulate', key, body: `{"amount":${n + 1},${rest}` }),
    ),
  )
  return counter.outcome()
}

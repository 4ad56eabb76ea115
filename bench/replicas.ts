import { execFile } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { generalModels } from '../src/attribution/models.ts'

interface Sent {
  readonly method: string
  readonly at: number
  readonly until: number
  readonly failure?: string
}

const execute = promisify(execFile)
const base = process.env['BASE_URL'] ?? 'http://127.0.0.1:8080'
const perSecond = 200

const key = await compose(
  'exec',
  '-T',
  'api',
  'node',
  'dist/src/bin/keys.js',
  'create',
  '--scopes',
  'admin',
  '--limit',
  '999999999',
)
const run = Date.now().toString(36)
const partners: string[] = []
for (const number of [1, 2, 3]) partners.push(await createPartner(`${run}-p${number}`))
const deals: string[] = []
for (let number = 1; number <= 50; number += 1) deals.push(await closeDeal(`${run}-d${number}`))
console.log(`${base}: ${partners.length} partners, ${deals.length} deals with their splits`)

const rolled = await underLoad(() => execute('deploy/roll.sh', { maxBuffer: 1e7 }))
print('rolling restart of every replica', rolled.sent)
const killed = await underLoad(async () => {
  const [victim = ''] = (await compose('ps', '--quiet', 'api')).split('\n')
  await execute('docker', ['kill', victim])
  const at = performance.now()
  await setTimeout(10_000)
  await execute('docker', ['start', victim])
  return at
})
print('one replica killed', killed.sent)
const unexplained = failuresOf(killed.sent).filter(
  ({ at, until }) => at > killed.result || until < killed.result - 1000,
)
console.log(`  failed but were not in flight at the kill: ${unexplained.length}`)
process.exitCode = failuresOf(rolled.sent).length + unexplained.length === 0 ? 0 : 1

/** Sends requests at a constant rate, from 3 s before `work` starts until 3 s after it ends. */
async function underLoad<Result>(work: () => Promise<Result>) {
  const stop = new AbortController()
  const load = send(stop.signal)
  try {
    await setTimeout(3000)
    const result = await work()
    await setTimeout(3000)
    stop.abort()
    return { result, sent: await load }
  } finally {
    stop.abort()
  }
}

async function send(stop: AbortSignal): Promise<readonly Sent[]> {
  const sending: Promise<Sent>[] = []
  const begin = performance.now()
  while (!stop.aborted) {
    const due = ((performance.now() - begin) / 1000) * perSecond
    while (sending.length < due) sending.push(sendOne(sending.length))
    await setTimeout(2)
  }
  return Promise.all(sending)
}

// Half read and half write. The writes have no id and no Idempotency-Key, so they cannot be retried. Touchpoints go to
// open deals, so that no split grows.
async function sendOne(number: number): Promise<Sent> {
  const deal = deals[number % deals.length]
  const requests: readonly (readonly [string, string, object?])[] = [
    ['GET', `/attribution/${deal}`],
    [
      'POST',
      '/events',
      { partner_id: partners[number % 3], deal_id: `${run}-o${number}`, touchpoint_type: 'demo' },
    ],
    ['GET', `/deals/${deal}`],
    ['POST', '/deals', { amount: 99.99, attribution_model: generalModels[number % generalModels.length] }],
  ]
  const [method, path, body] = requests[number % requests.length]!
  const at = performance.now()
  const failure = await call(method, path, body).then(
    () => undefined,
    (error: Error) => error.message,
  )
  return { method, at, until: performance.now(), ...(failure !== undefined && { failure }) }
}

async function call(method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(base + path, {
    method,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  }).catch((error: Error) => {
    throw (error.cause as Error | undefined) ?? error
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`)
}

async function createPartner(id: string): Promise<string> {
  await call('POST', '/partners', { id, name: id, email: `${id}@example.com` })
  return id
}

async function closeDeal(id: string): Promise<string> {
  await call('POST', '/events', { partner_id: partners[0], deal_id: id, touchpoint_type: 'referral' })
  await call('POST', '/deals', { id, amount: 50_000, attribution_model: 'role-based' })
  return id
}

async function compose(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('docker', ['compose', ...args])
  return stdout.trim()
}

function failuresOf(sent: readonly Sent[]): readonly Sent[] {
  return sent.filter(({ failure }) => failure !== undefined)
}

function print(title: string, sent: readonly Sent[]): void {
  const seconds = (Math.max(...sent.map(({ at }) => at)) - (sent[0]?.at ?? 0)) / 1000
  const times = sent.map(({ at, until }) => until - at).sort((a, b) => a - b)
  const percentile = (share: number) => Math.round(times[Math.floor(times.length * share)] ?? 0)
  console.log(
    `${title}: ${sent.length} requests in ${seconds.toFixed(1)} s (${Math.round(sent.length / seconds)} a second), ` +
      `${failuresOf(sent).length} failed; p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, ` +
      `longest ${percentile(0.999999)} ms`,
  )
  for (const { method, failure, at, until } of failuresOf(sent).slice(0, 20))
    console.log(`  ${method} after ${Math.round(until - at)} ms at ${Math.round(at)}: ${failure}`)
}

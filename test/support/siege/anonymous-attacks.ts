import { generateApiKey } from '../../../src/http/api-key.ts'
import { repeat } from '../concurrency.ts'
import { newAddress } from './http-client.ts'
import { type Attack, createAnswerCounter, type Outcome } from './outcome.ts'
import { readCpuTime, type Target } from './target.ts'

// One number with an exponent puts a naive parser on its slow path.
const body = Buffer.from(`{"a":1e1,"b":[${'0.5,'.repeat(249_000)}0.5]}`)
const mostCpuMs = 3

/** Attacks without a key. */
export const anonymousAttacks: readonly Attack[] = [
  { name: '1 MB bodies without a key', run: (target) => sendBodies(target, '/events', 401) },
  { name: '1 MB bodies to an unknown route', run: (target) => sendBodies(target, '/nowhere', 404) },
  {
    name: '1 MB bodies without a key, one address',
    run: (target) => sendBodies(target, '/deals', 401, '10.9.9.9'),
  },
  { name: 'made-up keys, one address', run: (target) => tryKeys(target, () => '10.9.9.8') },
  { name: 'made-up keys, many addresses', run: (target) => tryKeys(target, newAddress) },
  { name: 'floods of public pages', run: flood },
]

async function sendBodies(
  { send, pick, pid }: Target,
  path: string,
  status: number,
  address?: string,
): Promise<Outcome> {
  const counter = createAnswerCounter(status, 429)
  const sendBody = async () =>
    counter.add(await send({ method: 'POST', path, body, address: address ?? newAddress() }))
  // The first requests compile the service's code.
  await repeat(pick(100, 10), 4, sendBody)
  const requests = pick(200, 20)
  const before = readCpuTime(pid)
  await repeat(requests, 4, sendBody)
  const cpuMs = (readCpuTime(pid) - before) / requests
  return counter.outcome({
    measured: `${cpuMs.toFixed(2)} ms CPU a request`,
    isWithinBounds: cpuMs <= mostCpuMs,
  })
}

async function tryKeys({ send, pick }: Target, addressOf: () => string): Promise<Outcome> {
  const counter = createAnswerCounter(401, 429)
  await repeat(pick(1000, 100), 32, async () =>
    counter.add(await send({ path: '/partners', key: generateApiKey(), address: addressOf() })),
  )
  return counter.outcome()
}

async function flood({ send, pick }: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200, 304, 308, 404, 429)
  const { text } = await send({ path: '/docs' })
  const files = [...text.matchAll(/(?:href|src)="\.?\/?([^":]+)"/g)].map(([, file]) => `/${file}`)
  const paths = [
    '/',
    '/docs',
    '/docs/',
    '/docs/json',
    '/docs/yaml',
    '/health',
    '/ready',
    '/favicon.ico',
    ...files,
  ]
  await repeat(pick(4000, 200), 48, async (n) =>
    counter.add(await send({ path: paths[n % paths.length] as string, address: newAddress() })),
  )
  return counter.outcome()
}

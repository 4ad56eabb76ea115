import { generateApiKey } from '../../../src/http/api-key.ts'
import { newAddress, repeat } from './send.ts'
import { type Attack, createTally, type Outcome } from './tally.ts'
import { readCpuTime, type Target } from './target.ts'

// One number with an exponent sends a naive parser through its slow path.
const body = Buffer.from(`{"a":1e1,"b":[${'0.5,'.repeat(249_000)}0.5]}`)
const mostCpuMs = 3

/** What those without a key can do. */
export const strangers: readonly Attack[] = [
  { name: '1 MB bodies without a key', run: (target) => sendBodies(target, '/events', 401) },
  { name: '1 MB bodies to an unknown route', run: (target) => sendBodies(target, '/nowhere', 404) },
  {
    name: '1 MB bodies without a key, one address',
    run: (target) => sendBodies(target, '/deals', 401, '10.9.9.9'),
  },
  { name: 'made-up keys, one address', run: (target) => tryKeys(target, () => '10.9.9.8') },
  { name: 'made-up keys, many addresses', run: (target) => tryKeys(target, newAddress) },
  { name: 'floods of pages for everybody', run: flood },
]

async function sendBodies(
  { send, pick, pid }: Target,
  path: string,
  status: number,
  address?: string,
): Promise<Outcome> {
  const tally = createTally(status, 429)
  const requests = pick(200, 20)
  const before = readCpuTime(pid)
  await repeat(requests, 4, async () =>
    tally.add(await send({ method: 'POST', path, body, address: address ?? newAddress() })),
  )
  const cpuMs = (readCpuTime(pid) - before) / requests
  return tally.outcome({
    figures: `${cpuMs.toFixed(2)} ms CPU a request`,
    isWithinBounds: cpuMs <= mostCpuMs,
  })
}

async function tryKeys({ send, pick }: Target, addressOf: () => string): Promise<Outcome> {
  const tally = createTally(401, 429)
  await repeat(pick(1000, 100), 32, async () =>
    tally.add(await send({ path: '/partners', key: generateApiKey(), address: addressOf() })),
  )
  return tally.outcome()
}

async function flood({ send, pick }: Target): Promise<Outcome> {
  const tally = createTally(200, 304, 308, 404, 429)
  const { text } = await send({ path: '/docs/' })
  const files = [...text.matchAll(/(?:href|src)="\.?\/?([^":]+)"/g)].map(([, file]) => `/docs/${file}`)
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
    tally.add(await send({ path: paths[n % paths.length] as string, address: newAddress() })),
  )
  return tally.outcome()
}

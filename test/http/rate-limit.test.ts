import t from 'tap'
import { sql } from 'kysely'
import { issueKey } from '../../src/api-keys/issue.ts'
import { generateApiKey } from '../../src/http/api-key.ts'
import { forgetOldWindows } from '../../src/http/rate-limit.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'

interface Sender {
  readonly key?: string | undefined
  readonly path?: string
  readonly address?: string
}

async function send({ app }: TestApp, { key, path = '/partners?limit=1', address = '10.0.0.1' }: Sender) {
  const answer = await app.inject({
    url: path,
    remoteAddress: address,
    headers: key === undefined ? {} : { 'x-api-key': key },
  })
  return answer
}

async function sendMany(service: TestApp, count: number, sender: Sender): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {}
  for (let sent = 0; sent < count; sent += 1) {
    const { statusCode } = await send(service, sender)
    statuses[statusCode] = (statuses[statusCode] ?? 0) + 1
  }
  return statuses
}

async function givenKey({ db }: TestApp, rate_limit_max: number | null = null) {
  const { key } = await issueKey(db, { name: 'limited', scopes: ['read'], rate_limit_max })
  return key
}

t.test(
  'a key may send RATE_LIMIT_MAX requests in a window, and each answer states how many remain',
  async (t) => {
    const service = await createApp(t, { config: { RATE_LIMIT_MAX: 3, RATE_LIMIT_WINDOW: 1 } })
    const key = await givenKey(service)

    const answers = [1, 2, 3, 4].map(() => send(service, { key }))
    const seen = []
    for (const answer of answers) seen.push(await answer)

    t.strictSame(
      seen.map(({ statusCode, headers }) => [
        statusCode,
        headers['ratelimit-limit'],
        headers['ratelimit-remaining'],
      ]),
      [
        [200, '3', '2'],
        [200, '3', '1'],
        [200, '3', '0'],
        [429, '3', '0'],
      ],
    )
    t.match(seen[3]?.json(), { code: 'rate_limited', status: 429 })
    const { 'retry-after': retryAfter, 'ratelimit-reset': reset } = seen[3]?.headers ?? {}
    t.equal(retryAfter, reset)
    t.ok(Number(reset) > 0 && Number(reset) <= 60)
  },
)

t.test('a refused request counts against the limit and carries the headers', async (t) => {
  const service = await createApp(t, { config: { RATE_LIMIT_MAX: 2 } })
  const key = await givenKey(service)

  const missing = await send(service, { key, path: '/partners/nobody' })
  const malformed = await send(service, { key, path: '/partners?limit=x' })
  const spent = await send(service, { key })

  t.strictSame(
    [missing, malformed, spent].map(({ statusCode, headers }) => [
      statusCode,
      headers['ratelimit-remaining'],
    ]),
    [
      [404, '1'],
      [400, '0'],
      [429, '0'],
    ],
  )
})

t.test('a key may have its own limit', async (t) => {
  const service = await createApp(t, { config: { RATE_LIMIT_MAX: 2 } })

  const own = await sendMany(service, 7, { key: await givenKey(service, 5) })
  const common = await sendMany(service, 7, { key: await givenKey(service) })

  t.strictSame(
    [own, common],
    [
      { 200: 5, 429: 2 },
      { 200: 2, 429: 5 },
    ],
  )
})

t.test('three instances on one database admit the limit together', async (t) => {
  const config = { RATE_LIMIT_MAX: 100 }
  const first = await createApp(t, { config })
  const second = await createApp(t, { config, url: first.url })
  const third = await createApp(t, { config, url: first.url })
  const key = await givenKey(first)

  const answers = await Promise.all(
    Array.from({ length: 100 }, () => [first, second, third].map((service) => send(service, { key }))).flat(),
  )

  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 100)
  t.equal(answers.filter(({ statusCode }) => statusCode === 429).length, 200)
})

t.test('failed authentications are limited to 20 a minute per address', async (t) => {
  const service = await createApp(t)

  const wrong = await sendMany(service, 500, { key: 'sk_wrong' })
  const unknown = await sendMany(service, 500, { key: generateApiKey() })

  t.strictSame([wrong, unknown], [{ 401: 20, 429: 480 }, { 429: 500 }])
})

t.test('failed authentications block neither keys that have worked before nor other addresses', async (t) => {
  const service = await createApp(t)
  const key = await givenKey(service)
  await send(service, { key, address: '10.0.0.3' })
  await sendMany(service, 30, { key: 'sk_wrong' })

  const right = await send(service, { key })
  const elsewhere = await send(service, { address: '10.0.0.2' })

  t.strictSame([right.statusCode, elsewhere.statusCode], [200, 401])
})

t.test('an address over its failure limit causes no database query for unknown keys', async (t) => {
  const service = await createApp(t)
  const key = await givenKey(service)
  await sendMany(service, 20, { key: generateApiKey() })
  await sql`alter table api_keys rename to hidden`.execute(connectAsOwner(t, service.url))

  const statuses = await sendMany(service, 50, { key: generateApiKey() })
  const valid = await send(service, { key })
  const elsewhere = await send(service, { key: generateApiKey(), address: '10.0.0.2' })

  t.strictSame(statuses, { 429: 50 })
  t.match(valid.json(), { code: 'rate_limited' })
  t.equal(valid.headers['retry-after'], valid.headers['ratelimit-reset'])
  t.equal(elsewhere.statusCode, 500, 'another address queries the missing table')
})

t.test('addresses of one IPv6 /64 network share a limit', async (t) => {
  const service = await createApp(t)
  await sendMany(service, 20, { address: '2001:db8::1' })

  const sameNetwork = await send(service, { address: '2001:db8::2' })
  const other = await send(service, { address: '2001:db8:0:1::1' })

  t.strictSame([sameNetwork.statusCode, other.statusCode], [429, 401])
})

t.test('an unknown route is a 404 with and without a key and counts against the limit', async (t) => {
  const service = await createApp(t)
  const key = await givenKey(service, 2)

  const open = await sendMany(service, 25, { path: '/nowhere' })
  const keyed = await sendMany(service, 3, { path: '/nowhere', key, address: '10.0.0.2' })

  t.strictSame(
    [open, keyed],
    [
      { 404: 20, 429: 5 },
      { 404: 2, 429: 1 },
    ],
  )
})

t.test('routes without a key are limited per address and instance without the shared counter', async (t) => {
  const service = await createApp(t, { config: { DOCS: 'on' } })

  for (const path of ['/', '/docs/json']) {
    const statuses = await sendMany(service, 301, { path, address: `10.0.1.${path.length}` })
    t.strictSame(statuses, { 200: 300, 429: 1 }, path)
  }
  const spent = await send(service, { path: '/', address: '10.0.1.1' })
  const elsewhere = await send(service, { path: '/', address: '10.0.1.2' })
  const counted = await sql`select * from rate_limits`.execute(service.db)

  t.match(spent.json(), { code: 'rate_limited', status: 429 })
  t.equal(spent.headers['retry-after'], spent.headers['ratelimit-reset'])
  t.equal(elsewhere.headers['ratelimit-remaining'], '299')
  t.strictSame(counted.rows, [])
})

t.test('GET /health and GET /ready allow 6,000 requests a minute', async (t) => {
  const service = await createApp(t)

  for (const path of ['/health', '/ready']) {
    const answer = await send(service, { path })
    t.equal(answer.headers['ratelimit-limit'], '6000', path)
  }
})

t.test('each instance limits alone when the table rate_limits is missing', async (t) => {
  const service = await createApp(t, { config: { RATE_LIMIT_MAX: 10 } })
  const key = await givenKey(service)
  await sql`drop table rate_limits`.execute(connectAsOwner(t, service.url))

  t.strictSame(await sendMany(service, 15, { key }), { 200: 10, 429: 5 })
})

t.test('an ended window starts again at the next request, and an unused one is deleted', async (t) => {
  const config = { RATE_LIMIT_MAX: 2 }
  const service = await createApp(t, { config })
  const key = await givenKey(service)
  await sendMany(service, 3, { key })
  await sendMany(service, 3, { address: '10.0.0.9' })
  await service.db.updateTable('rate_limits').set({ ends_at: new Date().toISOString() }).execute()

  const other = await createApp(t, { config, url: service.url })
  const afterwards = await sendMany(other, 3, { key })
  const deleted = await forgetOldWindows(service.db)
  const kept = await service.db.selectFrom('rate_limits').select('subject').execute()

  t.strictSame(afterwards, { 200: 2, 429: 1 })
  t.equal(deleted, 1)
  t.match(kept, [{ subject: /^key_/ }])
})

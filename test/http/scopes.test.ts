import t from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import { type Scope, scopes } from '../../src/api-keys/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { listOperations, type ListedOperation, readDocument } from '../support/openapi-document.ts'

const operations = listOperations(await readDocument(t))
const keyless = operations.filter(({ operation }) => operation.security?.length === 0)
const guarded = operations.filter((listed) => !keyless.includes(listed))

/** The scopes that each scope includes. Only write and admin include others. */
const includedScopes: Readonly<Record<Scope, readonly string[]>> = {
  read: ['read'],
  write: ['read', 'write'],
  admin: ['read', 'write', 'admin'],
  'payouts:read': ['payouts:read'],
  'payouts:write': ['payouts:write'],
  'payments:approve': ['payments:approve'],
}
let addresses = 0

// Failed authentications are limited per address.
function newAddress(): string {
  addresses += 1
  return `10.1.${addresses >> 8}.${addresses & 255}`
}

// The body is malformed, so a request that passes the scope check is refused and changes nothing.
async function send({ app }: TestApp, { method, path }: ListedOperation, key?: string) {
  const { statusCode, body } = await app.inject({
    method,
    url: path.replace(/\{\w+\}/g, '!'),
    remoteAddress: newAddress(),
    headers: { 'content-type': 'application/json', ...(key !== undefined && { 'x-api-key': key }) },
    ...(method !== 'GET' && { payload: '{' }),
  })
  return { statusCode, body }
}

t.test('only the index, health and readiness routes need no key', async (t) => {
  t.strictSame(
    keyless.map(({ id }) => id),
    ['getIndex', 'getHealth', 'getReadiness'],
  )
  t.ok(guarded.length > 20)
})

t.test('every route that needs a key refuses a missing or invalid key', async (t) => {
  const service = await createApp(t)

  for (const listed of guarded) {
    for (const key of [undefined, '', 'sk_wrong', `sk_${'a'.repeat(40)}`]) {
      const { statusCode, body } = await send(service, listed, key)
      t.equal(statusCode, 401, `${listed.id} with ${key}`)
      t.match(JSON.parse(body), { code: 'unauthenticated' })
    }
  }
})

t.test('every route refuses keys without its scope and accepts keys with it', async (t) => {
  const service = await createApp(t)

  for (const scope of scopes) {
    const { key } = await issueKey(service.db, { name: scope, scopes: [scope], rate_limit_max: 1000 })
    for (const listed of guarded) {
      const needed = listed.operation['x-scope'] ?? ''
      const { statusCode } = await send(service, listed, key)
      t.equal(
        statusCode === 403,
        !includedScopes[scope].includes(needed),
        `${listed.id} with ${scope}: ${statusCode}`,
      )
    }
  }
})

t.test('each route requires the lowest sufficient scope', async (t) => {
  const needed = Map.groupBy(guarded, ({ operation }) => operation['x-scope'])

  t.strictSame(
    needed.get('payouts:read')?.map(({ id }) => id),
    ['revealPayoutDetails'],
  )
  t.strictSame(
    needed.get('payouts:write')?.map(({ id }) => id),
    ['erasePayoutDetails'],
  )
  t.ok(
    needed
      .get('admin')
      ?.every(({ path }) =>
        /^\/(?:api-keys|audit|commission-plans|periods|partners\/\{\w+\}\/merge)/.test(path),
      ),
  )
  t.ok(needed.get('write')?.every(({ method }) => method !== 'GET'))
  t.strictSame(new Set(needed.keys()), new Set(['read', 'write', 'admin', 'payouts:read', 'payouts:write']))
})

t.test('HEAD requires the same key and scope as GET', async (t) => {
  const service = await createApp(t)
  const { key } = await issueKey(service.db, { name: 'admin', scopes: ['admin'] })
  const head = (path: string, headers: object) =>
    service.app.inject({ method: 'HEAD', url: path, headers: { ...headers }, remoteAddress: newAddress() })

  for (const { path } of guarded.filter(({ method }) => method === 'GET')) {
    const answer = await head(path.replace(/\{\w+\}/g, 'nobody'), {})
    t.equal(answer.statusCode, 401, path)
  }
  t.equal((await head('/partners/nobody/payout-details', { 'x-api-key': key })).statusCode, 403)
})

t.test('methods that a route does not have are refused', async (t) => {
  const service = await createApp(t)
  const paths = new Set(guarded.map(({ path }) => path))

  for (const path of paths) {
    const taken = new Set<string>(
      guarded.filter((listed) => listed.path === path).map(({ method }) => method),
    )
    for (const method of ['POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'] as const) {
      if (taken.has(method)) continue
      // The id in the path of another route may be the same word.
      const url = path.replace(/\{\w+\}/g, 'nobody')
      if (guarded.some((other) => other.method === method && patternOf(other.path).test(url))) continue
      const answer = await service.app.inject({ method, url, headers: { 'x-api-key': service.key } })
      t.equal(answer.statusCode, 404, `${method} ${path}`)
    }
  }
})

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
}

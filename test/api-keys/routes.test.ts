import t, { type Test } from 'tap'
import { endKey } from '../../src/api-keys/change-key.ts'
import { issueKey } from '../../src/api-keys/issue.ts'
import type { ApiKey, NewApiKey, Scope } from '../../src/api-keys/schemas.ts'
import { commandLine } from '../../src/audit/actors.ts'
import { createApp, type TestApp } from '../support/app.ts'

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()

/** An app without an admin key. */
async function createAppWithoutAdminKey(t: Test): Promise<TestApp> {
  const service = await createApp(t)
  await service.db
    .updateTable('api_keys')
    .set({ scopes: ['write', 'payouts:read'] })
    .execute()
  return service
}

function givenKey({ db }: TestApp, scopes: readonly Scope[], options: Partial<NewApiKey> = {}) {
  return issueKey(db, { name: 'given', scopes: [...scopes], ...options })
}

async function statusWith({ call }: TestApp, key: string): Promise<number> {
  const { statusCode } = await call('GET', '/partners', undefined, { 'x-api-key': key })
  return statusCode
}

t.test('POST /api-keys creates a key that works and shows its secret', async (t) => {
  const service = await createApp(t)

  const made = await service.call('POST', '/api-keys', { name: 'crm', scopes: ['read'] })

  t.equal(made.statusCode, 201)
  t.match(made.json(), {
    api_key: {
      id: /^key_/,
      name: 'crm',
      scopes: ['read'],
      rate_limit_max: null,
      expires_at: null,
      revoked_at: null,
      last_used_at: null,
      key: /^sk_/,
    },
  })
  t.equal(await statusWith(service, made.json<{ api_key: { key: string } }>().api_key.key), 200)
})

t.test(
  'POST /api-keys repeated with its Idempotency-Key creates no second key and hides the secret',
  async (t) => {
    const { call, db } = await createApp(t)
    const send = () =>
      call('POST', '/api-keys', { name: 'crm', scopes: ['read'] }, { 'idempotency-key': 'once' })

    const first = await send()
    const second = await send()

    const { api_key } = first.json<{ api_key: object }>()
    t.strictSame(second.json(), { api_key: { ...api_key, key: null } })
    t.equal(second.headers['idempotency-replayed'], 'true')
    const stored = await db.selectFrom('idempotency_keys').select('answer').execute()
    t.notMatch(JSON.stringify(stored), /sk_/)
  },
)

t.test('POST /api-keys refuses invalid bodies and names the fault', async (t) => {
  const { call } = await createApp(t)
  const faults: readonly (readonly [object, string])[] = [
    [{ scopes: ['read'] }, '/name'],
    [{ name: 'crm', scopes: [] }, '/scopes'],
    [{ name: 'crm', scopes: ['read', 'read'] }, '/scopes'],
    [{ name: 'crm', scopes: ['root'] }, '/scopes/0'],
    [{ name: 'crm', scopes: ['read'], rate_limit_max: 0 }, '/rate_limit_max'],
    [{ name: 'crm', scopes: ['read'], expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    [{ name: 'crm', scopes: ['read'], expires_at: '2030-02-30T00:00:00Z' }, '/expires_at'],
    [{ name: 'crm', scopes: ['read'], key: 'sk_mine' }, '/key'],
  ]

  for (const [body, pointer] of faults) {
    const refused = await call('POST', '/api-keys', body)
    t.match(refused.json(), { status: 400, code: 'invalid_request', errors: [{ pointer }] })
  }
})

t.test('GET /api-keys lists keys, newest first, without their secrets', async (t) => {
  const service = await createApp(t)
  const first = await givenKey(service, ['read'])
  const second = await givenKey(service, ['write'], { expires_at: inAnHour() })

  const listed = await service.call('GET', '/api-keys')

  const { api_keys } = listed.json<{ api_keys: ApiKey[] }>()
  t.strictSame(
    api_keys.slice(0, 2).map(({ id }) => id),
    [second.id, first.id],
  )
  t.notMatch(listed.body, /"key"|key_hash|sk_/)
})

t.test('GET /api-keys pages by cursor', async (t) => {
  const service = await createApp(t)
  for (let n = 0; n < 4; n++) await givenKey(service, ['read'])
  const read = async (query: string) =>
    (await service.call('GET', `/api-keys?${query}`)).json<{
      api_keys: ApiKey[]
      pagination: { next_cursor: string | null }
    }>()
  const all = await read('')

  const first = await read('limit=3')
  const second = await read(`limit=3&cursor=${first.pagination.next_cursor}`)

  t.equal(all.api_keys.length, 5)
  t.strictSame(
    [...first.api_keys, ...second.api_keys].map(({ id }) => id),
    all.api_keys.map(({ id }) => id),
  )
  t.equal(second.pagination.next_cursor, null)
})

t.test('a key that has expired is refused', async (t) => {
  const service = await createApp(t)
  const { id, key } = await givenKey(service, ['read'])

  await service.db
    .updateTable('api_keys')
    .set({ expires_at: new Date().toISOString() })
    .where('id', '=', id)
    .execute()

  t.equal(await statusWith(service, key), 401)
})

t.test('POST /api-keys/:id/rotate replaces a key, and the old one works for the overlap', async (t) => {
  const service = await createApp(t)
  const old = await givenKey(service, ['read'], { rate_limit_max: 7, expires_at: '2030-01-01T00:00:00.000Z' })

  const began = Date.now()
  const rotated = await service.call('POST', `/api-keys/${old.id}/rotate`, { overlap_minutes: 5 })
  const ended = Date.now()

  t.equal(rotated.statusCode, 201)
  const { api_key } = rotated.json<{ api_key: ApiKey & { key: string } }>()
  t.match(api_key, {
    name: 'given',
    scopes: ['read'],
    rate_limit_max: 7,
    expires_at: '2030-01-01T00:00:00.000Z',
  })
  t.strictSame([await statusWith(service, old.key), await statusWith(service, api_key.key)], [200, 200])
  const listed = (await service.call('GET', '/api-keys')).json<{ api_keys: ApiKey[] }>().api_keys
  const rotatedAt = Date.parse(listed.find(({ id }) => id === old.id)?.expires_at ?? '') - 300_000
  t.ok(rotatedAt >= began && rotatedAt <= ended)
})

t.test('POST /api-keys/:id/rotate without an overlap ends the old key at once', async (t) => {
  const service = await createApp(t)
  const old = await givenKey(service, ['read'])
  await statusWith(service, old.key)

  await service.call('POST', `/api-keys/${old.id}/rotate`, { overlap_minutes: 0 })

  t.equal(await statusWith(service, old.key), 401)
})

t.test('POST /api-keys/:id/rotate answers 404 for an unknown key and 409 for a revoked one', async (t) => {
  const service = await createApp(t)
  const { id } = await givenKey(service, ['read'])
  await service.call('DELETE', `/api-keys/${id}`)

  const unknown = await service.call('POST', '/api-keys/key_none/rotate', {})
  const revoked = await service.call('POST', `/api-keys/${id}/rotate`, {})

  t.match(unknown.json(), { status: 404, code: 'api_key_not_found' })
  t.match(revoked.json(), { status: 409, code: 'api_key_revoked' })
})

t.test('DELETE /api-keys/:id revokes a key at once and is idempotent', async (t) => {
  const service = await createApp(t)
  const { id, key } = await givenKey(service, ['read'])
  await statusWith(service, key)

  const first = await service.call('DELETE', `/api-keys/${id}`)
  const second = await service.call('DELETE', `/api-keys/${id}`)

  t.match(first.json(), { api_key: { id, revoked_at: String } })
  t.strictSame(second.json(), first.json())
  t.equal(await statusWith(service, key), 401)
})

t.test('DELETE /api-keys/:id answers 404 for an unknown key', async (t) => {
  const { call } = await createApp(t)

  const unknown = await call('DELETE', '/api-keys/key_none')

  t.match(unknown.json(), { status: 404, code: 'api_key_not_found' })
})

t.test('the last admin key cannot be revoked, not even by itself', async (t) => {
  const service = await createAppWithoutAdminKey(t)
  const { id, key } = await givenKey(service, ['admin'])

  const refused = await service.call('DELETE', `/api-keys/${id}`, undefined, { 'x-api-key': key })

  t.match(refused.json(), { status: 409, code: 'last_admin_key' })
  t.equal(await statusWith(service, key), 200)
})

t.test('the last admin key without an expiry cannot be revoked', async (t) => {
  const service = await createAppWithoutAdminKey(t)
  const lasting = await givenKey(service, ['admin'])
  const passing = await givenKey(service, ['admin'], { expires_at: inAnHour() })
  const end = (id: string) =>
    service.call('DELETE', `/api-keys/${id}`, undefined, { 'x-api-key': lasting.key })

  const refused = await end(lasting.id)
  const ended = await end(passing.id)

  t.strictSame([refused.statusCode, ended.statusCode], [409, 200])
})

t.test('revoking the last two admin keys at once keeps one', async (t) => {
  const service = await createAppWithoutAdminKey(t)
  const keys = [await givenKey(service, ['admin']), await givenKey(service, ['admin'])]

  const ends = await Promise.allSettled(
    keys.map(({ id }) => service.db.transaction().execute((trx) => endKey(trx, id, commandLine))),
  )

  t.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
  t.match(
    ends.find(({ status }) => status === 'rejected'),
    { reason: { code: 'LAST_ADMIN_KEY' } },
  )
})

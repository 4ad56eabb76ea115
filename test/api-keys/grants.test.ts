import t from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import { createApp, type TestApp } from '../support/app.ts'
import type { ApiKey, NewApiKey, Scope } from '../../src/api-keys/schemas.ts'

const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()

/** A key, and a way to send requests with it. */
async function givenKey({ app, db }: TestApp, scopes: readonly Scope[], expires_at: string | null = null) {
  const { key, ...made } = await issueKey(db, { name: 'given', scopes: [...scopes], expires_at })
  const send = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) => {
    const answer = await app.inject({
      method,
      url: path,
      headers: { 'x-api-key': key },
      ...(body && { payload: body }),
    })
    return {
      status: answer.statusCode,
      ...answer.json<{ api_key?: ApiKey; detail?: string; code?: string }>(),
    }
  }
  const make = (wanted: Partial<NewApiKey>) =>
    send('POST', '/api-keys', { name: 'made', scopes: ['read'], ...wanted })
  return { ...made, key, send, make }
}

const lacks = (scope: Scope) => ({
  status: 403,
  code: 'forbidden',
  detail: `This API key lacks the scope ${scope}.`,
})
const expiresTooLate = { status: 400, code: 'invalid_request', errors: [{ pointer: '/expires_at' }] }

t.test('a key creates keys only with scopes that it has or implies', async (t) => {
  const service = await createApp(t)
  const admin = await givenKey(service, ['admin', 'payouts:read'])

  const made = await admin.make({ scopes: ['read', 'write', 'admin', 'payouts:read'] })

  t.equal(made.status, 201)
  for (const scope of ['payouts:write', 'payments:approve'] as const) {
    t.match(await admin.make({ scopes: ['read', scope] }), lacks(scope))
  }
})

t.test('a created key expires with the key that creates it, or earlier', async (t) => {
  const service = await createApp(t)
  const end = inHours(2)
  const passing = await givenKey(service, ['admin'], end)
  const lasting = await givenKey(service, ['admin'])

  t.match(await passing.make({}), { status: 201, api_key: { expires_at: end } })
  t.match(await passing.make({ expires_at: inHours(1) }), { status: 201 })
  t.match(await passing.make({ expires_at: end }), { status: 201 })
  t.match(await passing.make({ expires_at: inHours(3) }), expiresTooLate)
  t.match(await passing.make({ expires_at: null }), expiresTooLate)
  t.match(await lasting.make({}), { status: 201, api_key: { expires_at: null } })
})

t.test('a key may rotate itself, but no key with more scopes or a later expiry', async (t) => {
  const service = await createApp(t)
  const admin = await givenKey(service, ['admin'], inHours(2))
  const rich = await givenKey(service, ['read', 'payouts:read'], inHours(1))
  const old = await givenKey(service, ['read'])

  t.match(await admin.send('POST', `/api-keys/${rich.id}/rotate`, {}), lacks('payouts:read'))
  t.match(await admin.send('POST', `/api-keys/${old.id}/rotate`, {}), expiresTooLate)
  t.match(await admin.send('POST', `/api-keys/${admin.id}/rotate`, {}), {
    status: 201,
    api_key: { scopes: ['admin'], rotated_from: admin.id, expires_at: admin.expires_at },
  })
})

t.test('a rotated key cannot be rotated again while a successor works', async (t) => {
  const service = await createApp(t)
  const { id } = await givenKey(service, ['read'])
  const rotate = async (key = '', overlap_minutes = 60) => {
    const answer = await service.call('POST', `/api-keys/${key}/rotate`, { overlap_minutes })
    return { status: answer.statusCode, ...answer.json<{ api_key: ApiKey }>() }
  }

  const second = await rotate(id)
  const again = await rotate(id)
  const third = await rotate(second.api_key.id, 0)
  const afterThird = await rotate(id)
  await service.call('DELETE', `/api-keys/${third.api_key.id}`)
  const fourth = await rotate(id)

  t.match(second, { status: 201, api_key: { rotated_from: id } })
  t.match(
    [again, afterThird],
    [409, 409].map((status) => ({ status, code: 'api_key_rotated' })),
  )
  t.match(fourth, { status: 201, api_key: { rotated_from: id } })
  const listed = (await service.call('GET', '/api-keys')).json<{ api_keys: ApiKey[] }>().api_keys
  t.match(
    listed.filter(({ rotated_from }) => rotated_from !== null).map(({ rotated_from }) => rotated_from),
    [id, second.api_key.id, id],
  )
})

t.test('concurrent rotations of a key create one key', async (t) => {
  const service = await createApp(t)
  const { id } = await givenKey(service, ['read'])

  const answers = await Promise.all(
    Array.from({ length: 8 }, () => service.call('POST', `/api-keys/${id}/rotate`, {})),
  )

  const statuses = answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b)
  t.strictSame(statuses, [201, 409, 409, 409, 409, 409, 409, 409])
})

t.test('a revoked key cannot change keys, even on an instance that has it cached', async (t) => {
  const service = await createApp(t)
  const other = await createApp(t, { url: service.url })
  const admin = await givenKey(service, ['admin'])
  await admin.make({})

  await other.call('DELETE', `/api-keys/${admin.id}`)

  for (const answer of [
    await admin.make({}),
    await admin.send('POST', `/api-keys/${admin.id}/rotate`, {}),
    await admin.send('PATCH', `/api-keys/${admin.id}`, { name: 'again' }),
    await admin.send('DELETE', `/api-keys/${admin.id}`),
  ]) {
    t.match(answer, { status: 401, code: 'unauthenticated' })
  }
})

t.test('PATCH /api-keys/:id changes the name, the limit and the expiry, and nothing else', async (t) => {
  const service = await createApp(t)
  const { id, scopes, key } = await givenKey(service, ['read'])
  const change = { name: 'CRM', rate_limit_max: 7, expires_at: inHours(1) }

  const changed = await service.call('PATCH', `/api-keys/${id}`, change)
  const lifted = await service.call('PATCH', `/api-keys/${id}`, { rate_limit_max: null, expires_at: null })

  t.match(changed.json(), { api_key: { id, scopes, ...change } })
  t.match(lifted.json(), { api_key: { name: 'CRM', rate_limit_max: null, expires_at: null } })
  t.equal((await service.call('GET', '/partners', undefined, { 'x-api-key': key })).statusCode, 200)
})

t.test('PATCH /api-keys/:id refuses invalid values, unknown keys and revoked keys', async (t) => {
  const service = await createApp(t)
  const { id } = await givenKey(service, ['read'])
  const patch = async (body: object, key = id) => {
    const answer = await service.call('PATCH', `/api-keys/${key}`, body)
    return answer.json<{ status: number; code: string }>()
  }

  for (const body of [
    {},
    { scopes: ['admin'] },
    { name: '' },
    { name: null },
    { rate_limit_max: 0 },
    { expires_at: '2020-01-01T00:00:00Z' },
  ]) {
    t.match(await patch(body), { status: 400 }, JSON.stringify(body))
  }
  t.match(await patch({ name: 'x' }, 'key_none'), { status: 404, code: 'api_key_not_found' })
  await service.call('DELETE', `/api-keys/${id}`)
  t.match(await patch({ name: 'x' }), { status: 409, code: 'api_key_revoked' })
  t.match(await patch({ expires_at: null }), { status: 409, code: 'api_key_revoked' })
})

t.test(
  'PATCH /api-keys/:id refuses an expiry later than the caller’s and an extension of a key with more scopes',
  async (t) => {
    const service = await createApp(t)
    const admin = await givenKey(service, ['admin'], inHours(2))
    const plain = await givenKey(service, ['read'], inHours(1))
    const rich = await givenKey(service, ['payouts:read'], inHours(1))

    t.match(await admin.send('PATCH', `/api-keys/${plain.id}`, { expires_at: inHours(3) }), expiresTooLate)
    t.match(await admin.send('PATCH', `/api-keys/${plain.id}`, { expires_at: null }), expiresTooLate)
    t.match(await admin.send('PATCH', `/api-keys/${admin.id}`, { expires_at: inHours(3) }), expiresTooLate)
    t.match(await admin.send('PATCH', `/api-keys/${plain.id}`, { expires_at: inHours(1.5) }), { status: 200 })
    t.match(
      await admin.send('PATCH', `/api-keys/${rich.id}`, { expires_at: inHours(1.5) }),
      lacks('payouts:read'),
    )
    t.match(await admin.send('PATCH', `/api-keys/${rich.id}`, { expires_at: inHours(0.5) }), { status: 200 })
  },
)

t.test('the last admin key cannot get an expiry', async (t) => {
  const service = await createApp(t)
  await service.db
    .updateTable('api_keys')
    .set({ scopes: ['write'] })
    .execute()
  const last = await givenKey(service, ['admin'])
  await givenKey(service, ['admin'], inHours(1))

  const refused = await last.send('PATCH', `/api-keys/${last.id}`, { expires_at: inHours(5) })
  const renamed = await last.send('PATCH', `/api-keys/${last.id}`, { name: 'last', expires_at: null })
  await givenKey(service, ['admin'])
  const ended = await last.send('PATCH', `/api-keys/${last.id}`, { expires_at: inHours(5) })

  t.match(refused, { status: 409, code: 'last_admin_key' })
  t.match([renamed.status, ended.status], [200, 200])
})

t.test('only a key with payouts:write may set and erase payout details', async (t) => {
  const service = await createApp(t)
  const details = { payout_details: { iban: 'DE89370400440532013000' } }
  const acme = { id: 'acme', name: 'Acme', email: 'sales@acme.example' }
  const writer = await givenKey(service, ['admin', 'payouts:read'])
  const payer = await givenKey(service, ['write', 'payouts:write'])
  const path = '/partners/acme/payout-details'

  t.match(await writer.send('POST', '/partners', { ...acme, ...details }), lacks('payouts:write'))
  t.match(await payer.send('POST', '/partners', { ...acme, ...details }), { status: 201 })
  t.match(await writer.send('PATCH', '/partners/acme', details), lacks('payouts:write'))
  t.match(await writer.send('PATCH', '/partners/acme', { name: 'Acme Ltd' }), { status: 200 })
  t.match(await payer.send('PATCH', '/partners/acme', details), { status: 200 })
  t.match(await payer.send('GET', path), lacks('payouts:read'))
  t.match(await writer.send('DELETE', path), lacks('payouts:write'))
  t.match(await payer.send('DELETE', path), { status: 200, partner: { payout_details: null } })
})

import { createHmac } from 'node:crypto'
import t from 'tap'
import { canonicalJson } from '../../src/values/canonical-json.ts'
import { parsePayoutKeys } from '../../src/partners/vault.ts'
import { createApp, type TestApp } from '../support/app.ts'

const deal = { amount: 100, attribution_model: 'equal' }

t.test('an Idempotency-Key is 1 to 255 visible characters, bare or in quotes', async (t) => {
  const { call } = await createApp(t)
  const send = async (key: string) => {
    const answer = await call('POST', '/deals', deal, { 'idempotency-key': key })
    return { status: answer.statusCode, replayed: answer.headers['idempotency-replayed'] }
  }

  t.strictSame(await send('a'), { status: 201, replayed: undefined })
  t.strictSame(await send('"a"'), { status: 201, replayed: 'true' })
  t.equal((await send('x'.repeat(255))).status, 201)
  t.equal((await send('!#$%&()*+,-./:;<=>?@[]^_`{|}~')).status, 201)
  for (const key of ['', ' ', 'a b', 'é', 'x'.repeat(256), '""', '" "', 'a\tb'])
    t.equal((await send(key)).status, 400, key)
})

t.test('a repeated request gets the stored answer, byte for byte', async (t) => {
  const { call } = await createApp(t)
  const once = { 'idempotency-key': 'once' }

  const first = await call('POST', '/deals', deal, once)
  const second = await call('POST', '/deals', { attribution_model: 'equal', amount: 100 }, once)

  t.strictSame([second.statusCode, second.body], [first.statusCode, first.body])
})

t.test('a key with another body is a 422, but other paths and callers may use the same key', async (t) => {
  const service = await createApp(t)
  const other = await createApp(t, { url: service.url })
  const once = { 'idempotency-key': 'once' }
  await service.call('POST', '/deals', deal, once)

  const body = await service.call('POST', '/deals', { ...deal, amount: 101 }, once)
  const path = await service.call('POST', '/partners', { name: 'Acme', email: 'sales@acme.example' }, once)
  const caller = await other.call('POST', '/deals', { ...deal, amount: 102 }, once)

  t.match(body.json(), { status: 422, code: 'idempotency_key_reused' })
  t.strictSame([path.statusCode, caller.statusCode], [201, 201])
  t.notOk(caller.headers['idempotency-replayed'])
})

t.test('a refused request may be corrected with the same key', async (t) => {
  const { call } = await createApp(t)
  const once = { 'idempotency-key': 'once' }

  const refused = await call('POST', '/deals', { ...deal, amount: 0 }, once)
  const corrected = await call('POST', '/deals', deal, once)

  t.strictSame([refused.statusCode, corrected.statusCode], [400, 201])
})

t.test('a retry with a rotated API key gets the answer to the first request', async (t) => {
  const { app, call, db } = await createApp(t)
  const { api_key } = (await call('POST', '/api-keys', { name: 'crm', scopes: ['write'] })).json<Issued>()
  const rotate = async (id: string) =>
    (await call('POST', `/api-keys/${id}/rotate`, {})).json<Issued>().api_key
  const send = (key: string) =>
    app.inject({
      method: 'POST',
      url: '/deals',
      headers: { 'x-api-key': key, 'idempotency-key': 'once' },
      payload: deal,
    })
  const first = await send(api_key.key)

  const second = await rotate(api_key.id)
  const third = await rotate(second.id)
  const retries = [await send(second.key), await send(third.key), await send(api_key.key)]

  for (const retry of retries) t.strictSame([retry.statusCode, retry.body], [201, first.body])
  t.equal((await db.selectFrom('deals').select('id').execute()).length, 1)
})

interface Issued {
  readonly api_key: { readonly id: string; readonly key: string }
}

const payoutKey = (name: string, byte: number) => `${name}:${Buffer.alloc(32, byte).toString('base64')}`
const [oldKey, newKey] = [payoutKey('old', 1), payoutKey('new', 2)]

const withPayoutKeys = (text: string) => ({ config: { payoutKeys: parsePayoutKeys(text) } })

t.test('a repeated request gets the stored answer after a rotation of the payout keys', async (t) => {
  const first = await createApp(t, withPayoutKeys(oldKey))
  const both = await createApp(t, { url: first.url, ...withPayoutKeys(`${newKey},${oldKey}`) })
  const last = await createApp(t, { url: first.url, ...withPayoutKeys(newKey) })
  const send = async ({ call }: TestApp, once: string, amount = 100) => {
    const headers = { 'idempotency-key': once, 'x-api-key': first.key }
    const answer = await call('POST', '/deals', { ...deal, amount }, headers)
    return [answer.statusCode, answer.headers['idempotency-replayed']]
  }

  t.strictSame(await send(first, 'a'), [201, undefined])
  t.strictSame(await send(both, 'a'), [201, 'true'])
  t.strictSame(await send(both, 'a', 101), [422, undefined])
  t.strictSame(await send(both, 'b'), [201, undefined])
  t.strictSame(await send(last, 'b'), [201, 'true'])
  t.strictSame(await send(last, 'b', 101), [422, undefined])
})

t.test('the stored hash of a request cannot be computed from the request', async (t) => {
  const { call, db } = await createApp(t)
  await call('POST', '/deals', deal, { 'idempotency-key': 'once' })

  const { request_hash } = await db
    .selectFrom('idempotency_keys')
    .select('request_hash')
    .executeTakeFirstOrThrow()

  t.notSame(request_hash, plainHash('once'))
})

t.test('an answer stored by an earlier release is replayed', async (t) => {
  const { call, db } = await createApp(t)
  await call('POST', '/deals', deal, { 'idempotency-key': 'once' })
  await db
    .updateTable('idempotency_keys')
    .set({ request_hash: plainHash('once') })
    .execute()

  const again = await call('POST', '/deals', deal, { 'idempotency-key': 'once' })
  const other = await call('POST', '/deals', { ...deal, amount: 7 }, { 'idempotency-key': 'once' })

  t.strictSame(
    [again.statusCode, again.headers['idempotency-replayed'], other.statusCode],
    [201, 'true', 422],
  )
})

function plainHash(key: string): Buffer {
  return createHmac('sha256', key).update(canonicalJson(deal)).digest()
}

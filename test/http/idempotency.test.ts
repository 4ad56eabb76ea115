import t from 'tap'
import { createApp } from '../support/app.ts'

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

t.test('the same request again is answered the same, byte for byte', async (t) => {
  const { call } = await createApp(t)
  const once = { 'idempotency-key': 'once' }

  const first = await call('POST', '/deals', deal, once)
  const second = await call('POST', '/deals', { attribution_model: 'equal', amount: 100 }, once)

  t.strictSame([second.statusCode, second.body], [first.statusCode, first.body])
})

t.test('the same key with another body is a 422, and elsewhere it is another key', async (t) => {
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

t.test('a request that was refused may be corrected under the same key', async (t) => {
  const { call } = await createApp(t)
  const once = { 'idempotency-key': 'once' }

  const refused = await call('POST', '/deals', { ...deal, amount: 0 }, once)
  const corrected = await call('POST', '/deals', deal, once)

  t.strictSame([refused.statusCode, corrected.statusCode], [400, 201])
})

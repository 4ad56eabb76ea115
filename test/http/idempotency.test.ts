import t from 'tap'
import { sql } from 'kysely'
import { forgetOldAnswers } from '../../src/http/idempotency.ts'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/given.ts'

const touch = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo' }
const withKey = (key: string) => ({ 'idempotency-key': key })

t.test('the same request with the same key reads the first answer again and does nothing', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')

  const first = await service.call('POST', '/events', touch, withKey('k1'))
  const second = await service.call('POST', '/events', { ...touch }, withKey('"k1"'))

  t.strictSame([first.statusCode, second.statusCode], [201, 201])
  t.equal(second.body, first.body)
  t.equal(first.headers['idempotency-replayed'], undefined)
  t.equal(second.headers['idempotency-replayed'], 'true')
})

t.test('a key belongs to its body, its path and its API key', async (t) => {
  const service = await createApp(t)
  const other = await createApp(t, { url: service.url })
  await givenPartner(service, 'p1')
  await service.call('POST', '/events', touch, withKey('k1'))

  const otherBody = await service.call('POST', '/events', { ...touch, deal_id: 'd2' }, withKey('k1'))
  const otherPath = await service.call('POST', '/events/batch', { events: [touch] }, withKey('k1'))
  const otherCaller = await other.call('POST', '/events', touch, withKey('k1'))

  t.equal(otherBody.statusCode, 422)
  t.match(otherBody.json(), { code: 'idempotency_key_reused' })
  t.equal(otherPath.statusCode, 201)
  t.equal(otherCaller.headers['idempotency-replayed'], undefined)
  t.not(otherCaller.body, (await service.call('POST', '/events', touch, withKey('k1'))).body)
})

t.test('a refused request leaves its key free', async (t) => {
  const service = await createApp(t)

  const refused = await service.call('POST', '/events', touch, withKey('k1'))
  await givenPartner(service, 'p1')
  const stored = await service.call('POST', '/events', touch, withKey('k1'))

  t.strictSame([refused.statusCode, stored.statusCode], [400, 201])
  t.equal(stored.headers['idempotency-replayed'], undefined)
})

t.test('a request whose key is at work is told to come again', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')

  const answers = await Promise.all([1, 2].map(() => service.call('POST', '/events', touch, withKey('k1'))))

  const refused = answers.find(({ statusCode }) => statusCode === 409)
  t.match(refused?.json(), { code: 'request_in_flight' })
  t.equal(refused?.headers['retry-after'], '1')
})

t.test('a key is 1 to 255 visible ASCII characters', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const statusOf = async (key: string) =>
    (await service.call('POST', '/events', touch, withKey(key))).statusCode

  t.equal(await statusOf('k'.repeat(255)), 201)
  t.equal(await statusOf('k'.repeat(256)), 400)
  t.equal(await statusOf(''), 400)
  t.equal(await statusOf('two words'), 400)
  t.equal(await statusOf('clé'), 400)
})

t.test('an answer is kept for 72 hours', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await service.call('POST', '/events', touch, withKey('old'))
  await sql`update idempotency_keys set created_at = created_at - interval '72 hours'`.execute(service.db)
  await service.call('POST', '/events', touch, withKey('young'))

  t.equal(await forgetOldAnswers(service.db), 1)

  const again = await service.call('POST', '/events', touch, withKey('old'))
  t.equal(again.headers['idempotency-replayed'], undefined)
})

t.test('a stored answer and its work are one: neither is there without the other', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await sql`alter table idempotency_keys add constraint none check (status = 0)`.execute(service.db)

  const failed = await service.call('POST', '/events', touch, withKey('k1'))

  t.equal(failed.statusCode, 500)
  const { rows } = await sql`select from events`.execute(service.db)
  t.equal(rows.length, 0)
})

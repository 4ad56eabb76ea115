import t from 'tap'
import { sql } from 'kysely'
import { lockDeals } from '../../src/database/locks.ts'
import { createApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenPartner } from '../support/fixtures.ts'

const touch = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo' }

t.test('events of one group each get their own answer', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenPartner(service, 'gone')
  await service.call('PATCH', '/partners/gone', { status: 'inactive' })
  await givenDeal(service, { id: 'closed' })
  const at = { timestamp: '2025-01-01T00:00:00Z' }

  const answers = await Promise.all(
    [
      { ...touch, id: 'e1', ...at },
      { ...touch, id: 'e1', ...at },
      { ...touch, id: 'e1', ...at, touchpoint_type: 'closer' },
      { ...touch, partner_id: 'nobody' },
      { ...touch, partner_id: 'gone' },
      { ...touch, deal_id: 'closed' },
      { ...touch, deal_id: '' },
      { ...touch, id: 'e2' },
    ].map((event) => service.call('POST', '/events', event)),
  )

  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [201, 200, 409, 400, 409, 201, 400, 201],
  )
  t.match(answers[1]?.json(), { event: { id: 'e1', touchpoint_type: 'demo' } })
  t.match(answers[2]?.json(), { code: 'event_exists', errors: [{ pointer: '/id' }] })
  t.match(answers[3]?.json(), { code: 'unknown_reference', errors: [{ pointer: '/partner_id' }] })
  t.match(answers[4]?.json(), { code: 'partner_inactive' })
})

t.test('the split includes a late event once it is answered', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenDeal(service, { id: 'd1', amount: 100 })

  await Promise.all(
    ['2025-01-01T00:00:00Z', '2025-01-02T00:00:00Z'].map((timestamp) =>
      service.call('POST', '/events', { ...touch, timestamp }),
    ),
  )

  const split = await service.call('GET', '/attribution/d1')
  t.match(split.json(), { attributions: [{ partner_id: 'p1', payout: 100, touchpoints: 2 }] })
})

t.test('an event whose deal is locked waits and does not block events of other deals', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const locked = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const holder = service.db.transaction().execute(async (trx) => {
    await lockDeals(trx, ['d1'])
    locked.resolve()
    await release.promise
  })
  await locked.promise

  const held = Promise.all([1, 2, 3].map(() => service.call('POST', '/events', touch)))
  const others = await Promise.all(
    [1, 2, 3].map((n) => service.call('POST', '/events', { ...touch, deal_id: `d${n + 1}` })),
  )
  const { rows } = await sql`select from events where deal_id = 'd1'`.execute(service.db)
  release.resolve()

  t.strictSame(
    others.map(({ statusCode }) => statusCode),
    [201, 201, 201],
  )
  t.equal(rows.length, 0)
  t.strictSame(
    (await held).map(({ statusCode }) => statusCode),
    [201, 201, 201],
  )
  await holder
})

t.test('an event whose deal stays locked gets a 503 and may be sent again', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const refused = await service.db.transaction().execute(async (trx) => {
    await lockDeals(trx, ['d1'])
    return service.call('POST', '/events', touch)
  })

  const again = await service.call('POST', '/events', touch)

  t.equal(refused.statusCode, 503)
  t.equal(refused.headers['retry-after'], '1')
  t.match(refused.json(), { code: 'unavailable' })
  t.equal(again.statusCode, 201)
})

t.test('a row that the database refuses does not fail the others of its group', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  // A constraint that the service does not know.
  await sql`alter table events add constraint no_thirteenth check (deal_id <> 'd13')`.execute(
    connectAsOwner(t, service.url),
  )

  const answers = await Promise.all(
    [11, 12, 13, 14].map((n) => service.call('POST', '/events', { ...touch, deal_id: `d${n}` })),
  )

  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [201, 201, 500, 201],
  )
})

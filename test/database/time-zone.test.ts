import t from 'tap'
import { findTimeZoneFault } from '../../src/database/time-zone.ts'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'

const event = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo' }
const deal = { id: 'd2', amount: 1, attribution_model: 'equal' }

t.test(
  'the time zone is stored with the first deal or touchpoint, and another one is a fault from then on',
  async (t) => {
    const { db, ...service } = await createApp(t, { config: { TIME_ZONE: 'Europe/Berlin' } })
    await givenPartner({ db, ...service }, 'p1')
    const before = await findTimeZoneFault(db, 'UTC')

    await service.call('POST', '/events', event)

    t.equal(before, undefined)
    t.equal(await findTimeZoneFault(db, 'europe/berlin'), undefined)
    t.equal(
      await findTimeZoneFault(db, 'UTC'),
      'TIME_ZONE is UTC, but deals and touchpoints are dated in Europe/Berlin: set TIME_ZONE=Europe/Berlin, or stop every instance and run `npm run rezone`, which dates them in UTC.',
    )
  },
)

t.test('an instance with another time zone answers reads and writes nothing that has a day', async (t) => {
  const first = await createApp(t, { config: { TIME_ZONE: 'Europe/Berlin' } })
  await givenPartner(first, 'p1')
  await first.call('POST', '/deals', { ...deal, id: 'd1' })
  const other = await createApp(t, { url: first.url })
  const line = JSON.stringify({ kind: 'event', id: 'e1', ...event })

  const refused = [
    await other.call('POST', '/events', event),
    await other.call('POST', '/events/batch', { events: [event] }),
    await other.app.inject({
      method: 'POST',
      url: '/events/import',
      headers: { 'x-api-key': other.key, 'content-type': 'application/x-ndjson' },
      payload: line,
    }),
    await other.call('POST', '/deals', deal),
    await other.call('PATCH', '/deals/d1', { amount: 2 }),
    await other.call('POST', '/attribution/d1/recalculate'),
  ]

  t.strictSame(
    refused.map(({ statusCode }) => statusCode),
    refused.map(() => 503),
  )
  t.equal((await other.call('GET', '/deals/d1')).statusCode, 200)
  t.equal((await other.call('GET', '/analytics')).statusCode, 200)
  t.equal((await first.call('POST', '/events', event)).statusCode, 201)
})

t.test('of instances that write first at the same time, only those of one time zone write', async (t) => {
  const { url, ...first } = await createApp(t, { config: { TIME_ZONE: 'Asia/Tokyo' } })
  await givenPartner({ url, ...first }, 'p1')
  const others = await Promise.all(
    ['Europe/Paris', 'UTC', 'Asia/Tokyo'].map((TIME_ZONE) => createApp(t, { url, config: { TIME_ZONE } })),
  )
  const all = [first, ...others]

  const answers = await Promise.all(all.map(({ call }) => call('POST', '/events', event)))

  const { time_zone } = await first.db.selectFrom('calendar').selectAll().executeTakeFirstOrThrow()
  const zones = ['Asia/Tokyo', 'Europe/Paris', 'UTC', 'Asia/Tokyo']
  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    zones.map((zone) => (zone === time_zone ? 201 : 503)),
  )
})

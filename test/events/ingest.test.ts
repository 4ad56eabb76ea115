import t from 'tap'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'

t.test('when several events have the same id, the first valid one is stored', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const event = { id: 'e1', deal_id: 'd1', touchpoint_type: 'demo', timestamp: '2024-01-01T00:00:00Z' }

  const [unknown, known, again, other] = await Promise.all([
    service.call('POST', '/events', { ...event, partner_id: 'nobody' }),
    service.call('POST', '/events', { ...event, partner_id: 'p1' }),
    service.call('POST', '/events', { ...event, partner_id: 'p1' }),
    service.call('POST', '/events', { ...event, partner_id: 'p1', touchpoint_type: 'closer' }),
  ])

  t.ok(unknown.statusCode === 400 || unknown.statusCode === 409)
  t.strictSame(new Set([known.statusCode, again.statusCode]), new Set([201, 200]))
  t.match(other.json(), { status: 409, code: 'event_exists' })
})

t.test('a batch counts its own duplicates and refuses two different events with the same id', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const event = {
    id: 'e1',
    partner_id: 'p1',
    deal_id: 'd1',
    touchpoint_type: 'demo',
    timestamp: '2024-01-01T00:00:00Z',
  }

  const twice = await service.call('POST', '/events/batch', { events: [event, event] })
  const clash = await service.call('POST', '/events/batch', {
    events: [
      { ...event, id: 'e2' },
      { ...event, id: 'e2', touchpoint_type: 'closer' },
    ],
  })

  t.strictSame(twice.json(), { accepted: 1, duplicates: 1 })
  t.match(clash.json(), { status: 409, code: 'event_exists', errors: [{ pointer: '/events/1/id' }] })
  t.equal((await service.call('GET', '/events/e2')).statusCode, 404)
})

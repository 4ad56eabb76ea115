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

t.test('a partner takes no touchpoints from the period in which it was inactive', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const track = (id: string, timestamp: string) =>
    service.call('POST', '/events', {
      id,
      partner_id: 'p1',
      deal_id: 'd1',
      touchpoint_type: 'demo',
      timestamp,
    })
  const stop = await service.call('PATCH', '/partners/p1', { status: 'inactive' })
  const { left_at } = stop.json<{ partner: { left_at: string } }>().partner
  const before = new Date(Date.parse(left_at) - 1).toISOString()

  const again = await service.call('PATCH', '/partners/p1', { status: 'inactive' })
  const earlier = await track('e1', before)
  const later = await track('e2', left_at)
  await service.call('POST', '/deals', { id: 'd1', amount: 100, attribution_model: 'equal' })
  const late = await track('e3', before)
  const batch = await service.call('POST', '/events/batch', {
    events: [before, left_at].map((timestamp) => ({
      partner_id: 'p1',
      deal_id: 'd1',
      touchpoint_type: 'demo',
      timestamp,
    })),
  })
  const back = await service.call('PATCH', '/partners/p1', { status: 'active' })
  const { partner } = back.json<{ partner: { updated_at: string } }>()
  const within = await track('e2', left_at)
  const after = await track('e4', partner.updated_at)

  t.match(again.json(), { partner: { left_at } })
  t.strictSame([earlier.statusCode, later.statusCode, late.statusCode], [201, 409, 201])
  t.match(later.json(), { code: 'partner_inactive', errors: [{ pointer: '/partner_id' }] })
  t.match([batch.statusCode, batch.json()], [409, { errors: [{ pointer: '/events/1/partner_id' }] }])
  t.match([back.json(), within.json()], [{ partner: { left_at: null } }, { code: 'partner_inactive' }])
  t.equal(after.statusCode, 201)
})

import { sql } from 'kysely'
import t from 'tap'
import type { DealSplit } from '../../src/deals/schemas.ts'
import type { AttributionVersion } from '../../src/splits/schemas.ts'
import { createApp } from '../support/app.ts'
import { listFaults } from '../support/corrections.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

t.test('a reinstated deal is split among the touchpoints that it has now', async (t) => {
  const service = await createApp(t)
  const { call } = service
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01' })
  const closed = await givenDeal(service, { id: 'd1', closed_date: '2024-01-20' })
  await call('POST', '/deals/d1/void', { reason: 'canceled' })
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-02' })

  const answer = await call('POST', '/deals/d1/reinstate', { reason: 'not canceled' })
  const again = await call('POST', '/deals/d1/reinstate', { reason: 'not canceled' })

  const { deal, attribution } = answer.json<DealSplit>()
  t.equal(answer.statusCode, 200)
  t.strictSame({ ...deal, version: 1, updated_at: null }, { ...closed, version: 1, updated_at: null })
  t.match(attribution, {
    version: 3,
    voided_at: null,
    attributions: [
      { partner_id: 'p1', payout: 50 },
      { partner_id: 'p2', payout: 50 },
    ],
  })
  t.strictSame(again.json(), { deal, attribution: { ...attribution, cached: true } })
  const history = await call('GET', '/attribution/d1/history')
  t.match(history.json<{ versions: AttributionVersion[] }>().versions.slice(1), [
    { reason: 'deal_voided', cause: { note: 'canceled' } },
    { reason: 'deal_reinstated', cause: { note: 'not canceled' } },
  ])
  t.equal((await call('POST', '/deals/nothing/reinstate', { reason: 'x' })).statusCode, 404)
  t.strictSame(await listFaults(service), [])
})

t.test('a void day ends by the calendar of today when its deal is reinstated', async (t) => {
  const service = await createApp(t, { config: { TIME_ZONE: 'America/New_York' } })
  const { call, db } = service
  await givenPartner(service, 'p1')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-21T04:59:59Z' })
  await givenDeal(service, {
    id: 'd1',
    closed_date: '2024-01-20',
    model_parameters: { close_grace_minutes: 0 },
  })
  await call('POST', '/deals/d1/void', { reason: 'canceled' })
  await sql`update deals set closed_until = '2024-01-20T23:00:00Z'`.execute(db)

  const answer = await call('POST', '/deals/d1/reinstate', { reason: 'not canceled' })

  t.match(answer.json(), { attribution: { attributions: [{ partner_id: 'p1', payout: 100 }] } })
  t.strictSame(await listFaults(service), [])
})

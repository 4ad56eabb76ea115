import { hash } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { replayDeals } from '../../src/record/replay.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenTouchpoints } from '../support/fixtures.ts'

/** Closes a deal whose only touchpoint has the weight 0, as version 0.1 recorded it: nobody earns anything. */
async function givenUnpaidDeal(service: TestApp) {
  await givenDeal(service, {
    id: 'd1',
    closed_date: '2024-01-20T15:00:00Z',
    attribution_model: 'position-based',
    model_parameters: { weights: { first: 0 } },
  })
  await givenTouchpoints(service, { deal_id: 'd1', count: 1, partners: 1 })
  const parameters =
    '{"close_grace_minutes":60,"lookback_days":null,"weights":{"first":0,"middle":0.2,"last":0.4}}'
  const read = `10000 USD ${Date.UTC(2024, 0, 20, 15)} position-based ${parameters}\nd1-0 q0 demo ${Date.UTC(2024, 0, 1)}`
  const owner = connectAsOwner(t, service.url)
  await sql`alter table attributions disable trigger attributions_append_only`.execute(owner)
  await sql`update attributions set fingerprint = ${hash('sha256', read, 'buffer')}`.execute(owner)
}

t.test('a version in which the only touchpoint earned nothing is replayed and explained so', async (t) => {
  const service = await createApp(t)
  await givenUnpaidDeal(service)

  const replayed = await replayDeals(service.db, { after: '', limit: 10 })
  const explained = await service.call('GET', '/attribution/d1?explain=true')

  t.strictSame(replayed.differences, [])
  t.match(explained.json(), {
    attributions: [],
    unattributed: 100,
    explanation: {
      touchpoints: [{ event_id: 'd1-0', weight: '0', percentage: 0, payout: 0 }],
      odd_units: [],
      sentences: [],
    },
  })
})

t.test('recalculating a deal whose only touchpoint earned nothing gives it all', async (t) => {
  const service = await createApp(t)
  await givenUnpaidDeal(service)

  const recalculated = await service.call('POST', '/attribution/d1/recalculate')
  const again = await service.call('POST', '/attribution/d1/recalculate')
  const replayed = await replayDeals(service.db, { after: '', limit: 10 })

  t.match(recalculated.json(), {
    version: 2,
    attributions: [{ partner_id: 'q0', payout: 100, percentage: 100 }],
    unattributed: 0,
  })
  t.match(again.json(), { version: 2 })
  t.strictSame(replayed, { versions: 2, differences: [], next: undefined })
})

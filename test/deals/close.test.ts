import t from 'tap'
import { createApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

t.test('POST /deals splits the deal among the partners who touched it', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1', 'Alice')
  await givenPartner(service, 'p2', 'Bob')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'closer' })
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', touchpoint_type: 'demo' })

  const closed = await service.call('POST', '/deals', {
    id: 'd1',
    amount: 50_000,
    attribution_model: 'role-based',
  })

  t.equal(closed.statusCode, 201)
  t.match(closed.json(), {
    deal: { id: 'd1', amount: 50_000, version: 1 },
    attribution: {
      total_amount: 50_000,
      attributions: [
        {
          partner_id: 'p1',
          partner_name: 'Alice',
          percentage: 70,
          payout: 35_000,
          touchpoints: 1,
          role: 'closer',
        },
        {
          partner_id: 'p2',
          partner_name: 'Bob',
          percentage: 30,
          payout: 15_000,
          touchpoints: 1,
          role: 'demo',
        },
      ],
      unattributed: 0,
      version: 1,
      cached: false,
    },
  })
})

t.test('POST /deals refuses an id that holds another deal', async (t) => {
  const service = await createApp(t)
  const deal = await givenDeal(service, { amount: 1 })

  const refused = await service.call('POST', '/deals', { id: deal.id, amount: 2, attribution_model: 'equal' })

  t.equal(refused.statusCode, 409)
  t.match(refused.json(), { code: 'deal_exists' })
})

t.test('POST /deals refuses a parameter of another model and names it', async (t) => {
  const service = await createApp(t)

  const refused = await service.call('POST', '/deals', {
    amount: 1,
    attribution_model: 'time-decay',
    model_parameters: { half_life_days: 7, weights: { closer: 1 } },
  })

  t.match(refused.json(), { status: 400, errors: [{ pointer: '/model_parameters/weights' }] })
})

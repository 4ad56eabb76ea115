import t from 'tap'
import { createApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

t.test('POST /analytics/what-if moves payouts between partners and keeps their total', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1', 'Alice')
  await givenPartner(service, 'p2', 'Bob')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01T09:00:00Z' })
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-02T09:00:00Z' })
  await givenDeal(service, { id: 'd1', amount: 100.01, closed_date: '2024-01-20T15:00:00Z' })

  const answer = await service.call('POST', '/analytics/what-if', {
    start_date: '2024-01-01',
    end_date: '2024-01-31',
    attribution_model: 'last-touch',
  })

  t.strictSame(answer.json(), {
    attribution_model: 'last-touch',
    currency: 'USD',
    deals_count: 1,
    total_amount: 100.01,
    partners: [
      {
        partner_id: 'p2',
        partner_name: 'Bob',
        payout_now: 50,
        payout_proposed: 100.01,
        difference: 50.01,
        contested: { lowest: 0, highest: 100.01, spread: 100.01 },
      },
      {
        partner_id: 'p1',
        partner_name: 'Alice',
        payout_now: 50.01,
        payout_proposed: 0,
        difference: -50.01,
        contested: { lowest: 0, highest: 100.01, spread: 100.01 },
      },
    ],
    others: { partners_count: 0, payout_now: 0, payout_proposed: 0, difference: 0 },
    unattributed: { payout_now: 0, payout_proposed: 0, difference: 0 },
  })
})

t.test(
  'POST /attribution/simulate takes a date for a touchpoint: the start of its day in TIME_ZONE',
  async (t) => {
    const { call } = await createApp(t, { config: { TIME_ZONE: 'America/New_York' } })
    const demo = { touchpoint_type: 'demo' }

    const answer = await call('POST', '/attribution/simulate', {
      amount: 100,
      closed_date: '2024-01-20',
      attribution_model: 'first-touch',
      events: [
        { ...demo, partner_id: 'later', timestamp: '2024-01-10' },
        { ...demo, partner_id: 'first', timestamp: '2024-01-10T04:59:59Z' },
      ],
    })

    t.match(answer.json(), { attributions: [{ partner_id: 'first', percentage: 100 }] })
  },
)

import t from 'tap'
import type { RefundSplit } from '../../src/refunds/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { listFaults } from '../support/corrections.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

async function givenPlan({ call }: TestApp, id: string, rules: readonly object[]) {
  const answer = await call('POST', '/commission-plans', {
    id,
    name: id,
    effective_from: '2024-01-01',
    rules,
  })
  t.equal(answer.statusCode, 201)
}

async function commissionsOf({ call }: TestApp, id: string) {
  const answer = await call('GET', `/deals/${id}/commission`)
  const { commission, lines } = answer.json<{
    commission: number
    lines: { partner_id: string; commission: number }[]
  }>()
  return [commission, ...lines.map((line) => [line.partner_id, line.commission])]
}

async function refund({ call }: TestApp, id: string, amount: number) {
  const answer = await call('POST', `/deals/${id}/refunds`, { amount })
  t.equal(answer.statusCode, 201)
  return answer.json<RefundSplit>()
}

t.test('what a deal owes follows its net amount, to exactly 0 after a refund in full', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  await givenPlan(service, 'twelve', [{ rate: '12' }])
  const touch = { deal_id: 'd1', timestamp: '2024-01-10T00:00:00Z' }
  await givenEvent(service, { ...touch, partner_id: 'p1', touchpoint_type: 'referral' })
  await givenEvent(service, { ...touch, partner_id: 'p1', touchpoint_type: 'closer' })
  await givenEvent(service, { ...touch, partner_id: 'p2', touchpoint_type: 'demo' })
  await givenDeal(service, {
    id: 'd1',
    amount: 50_000,
    closed_date: '2024-01-20',
    attribution_model: 'role-based',
    commission_plan_id: 'twelve',
  })

  const owed = [await commissionsOf(service, 'd1')]
  await givenEvent(service, {
    partner_id: 'p2',
    deal_id: 'd1',
    touchpoint_type: 'support',
    timestamp: '2024-01-18T00:00:00Z',
  })
  owed.push(await commissionsOf(service, 'd1'))
  await refund(service, 'd1', 12_345.67)
  owed.push(await commissionsOf(service, 'd1'))
  await refund(service, 'd1', 37_654.33)
  owed.push(await commissionsOf(service, 'd1'))

  // The differences are -564.71 and 564.71, then -1,045.75 and -435.73, then -3,189.54 and -1,328.98.
  t.strictSame(owed, [
    [6000, ['p1', 4800], ['p2', 1200]],
    [6000, ['p1', 4235.29], ['p2', 1764.71]],
    [4518.52, ['p1', 3189.54], ['p2', 1328.98]],
    [0, ['p1', 0], ['p2', 0]],
  ])
  t.match((await service.call('GET', '/analytics')).json(), {
    overview: { refunded: 50_000, total_commission: 0 },
  })
  t.strictSame(await listFaults(service), [])
})

t.test('a flat commission is cut with the amount; conditions read the amount before refunds', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenPlan(service, 'large', [
    {
      when: { amount_at_least: 1000 },
      flat: { amount: 100, currency: 'USD' },
    },
  ])
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-10T00:00:00Z' })
  await givenDeal(service, {
    id: 'd1',
    amount: 1000,
    closed_date: '2024-01-20',
    commission_plan_id: 'large',
  })

  await refund(service, 'd1', 250)

  t.strictSame(await commissionsOf(service, 'd1'), [75, ['p1', 75]])
  const explained = await service.call('GET', '/deals/d1/commission?explain=true')
  t.match(explained.json(), { explanation: [{ partner_id: 'p1', rule_number: 1 }] })
  const simulated = await service.call('POST', '/commission-plans/simulate', {
    start_date: '2024-01-01',
    end_date: '2024-01-31',
    rules: [{ flat: { amount: 100, currency: 'USD' } }],
  })
  t.match(simulated.json(), { total_payout: 750, partners: [{ partner_id: 'p1', difference: 0 }] })
  t.strictSame(await listFaults(service), [])
})

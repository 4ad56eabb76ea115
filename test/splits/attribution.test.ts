import t from 'tap'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

interface Version {
  readonly version: number
  readonly reason: string
  readonly calculated_at: string
  readonly attributions: readonly { partner_id: string; payout: number }[]
}

async function history({ call }: TestApp, id: string): Promise<readonly Version[]> {
  return (await call('GET', `/attribution/${id}/history`)).json<{ versions: Version[] }>().versions
}

async function givenTwoPartnerDeal(service: TestApp) {
  await givenPartner(service, 'p1', 'Alice')
  await givenPartner(service, 'p2', 'Bob')
  await givenEvent(service, { id: 'e1', partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01T09:00:00Z' })
  await givenDeal(service, { id: 'd1', amount: 100.01, closed_date: '2024-01-20T15:00:00Z' })
}

t.test('a late event has made the next version when it is answered', async (t) => {
  const service = await createApp(t)
  await givenTwoPartnerDeal(service)

  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-02T09:00:00Z' })

  const read = await service.call('GET', '/attribution/d1')
  t.match(read.json(), {
    attributions: [
      { partner_id: 'p1', payout: 50.01, percentage: 50 },
      { partner_id: 'p2', payout: 50, percentage: 50 },
    ],
    version: 2,
    cached: true,
  })
  t.strictSame(
    (await history(service, 'd1')).map(({ version, reason }) => [version, reason]),
    [
      [1, 'closed'],
      [2, 'late_event'],
    ],
  )
})

t.test('an event after the close and its grace changes no payout and is listed as after_close', async (t) => {
  const service = await createApp(t)
  await givenTwoPartnerDeal(service)

  await givenEvent(service, {
    id: 'late',
    partner_id: 'p2',
    deal_id: 'd1',
    timestamp: '2024-01-20T16:00:00.001Z',
  })

  const explained = await service.call('GET', '/attribution/d1?explain=true')
  t.match(explained.json(), {
    version: 1,
    explanation: { excluded: [{ event_id: 'late', reason: 'after_close' }] },
  })
})

t.test('an event at the end of the grace still qualifies', async (t) => {
  const service = await createApp(t)
  await givenTwoPartnerDeal(service)

  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-20T16:00:00Z' })

  t.equal((await history(service, 'd1')).length, 2)
})

t.test('a close at midnight includes touchpoints to the end of that day in TIME_ZONE', async (t) => {
  const service = await createApp(t, { config: { TIME_ZONE: 'America/Lima' } })
  await givenPartner(service, 'p1')
  await givenDeal(service, { id: 'd1', closed_date: '2024-01-31T00:00:00-05:00' })

  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-31T23:59:59-05:00' })

  t.match((await service.call('GET', '/attribution/d1')).json(), { version: 2, unattributed: 0 })
})

t.test('GET /attribution/:dealId?as_of shows the version at that instant', async (t) => {
  const service = await createApp(t)
  await givenTwoPartnerDeal(service)
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-02T09:00:00Z' })
  const [first, second] = await history(service, 'd1')

  const then = await service.call('GET', `/attribution/d1?as_of=${first?.calculated_at}&explain=true`)
  const now = await service.call('GET', `/attribution/d1?as_of=${second?.calculated_at}`)
  const before = await service.call('GET', '/attribution/d1?as_of=2020-01-01T00:00:00Z')

  t.match(then.json(), { version: 1, attributions: [{ partner_id: 'p1', payout: 100.01 }] })
  t.equal(then.json<{ explanation: { touchpoints: [] } }>().explanation.touchpoints.length, 1)
  t.match(now.json(), { version: 2 })
  t.match(before.json(), { status: 404, code: 'version_not_found' })
})

t.test(
  'GET /attribution/:dealId?explain=true accounts for every minor unit, including leftovers',
  async (t) => {
    const service = await createApp(t)
    await givenTwoPartnerDeal(service)
    await givenEvent(service, {
      id: 'e2',
      partner_id: 'p2',
      deal_id: 'd1',
      timestamp: '2024-01-02T09:00:00Z',
    })
    await givenEvent(service, {
      id: 'e3',
      partner_id: 'p2',
      deal_id: 'd1',
      timestamp: '2024-01-03T09:00:00Z',
    })

    const explained = await service.call('GET', '/attribution/d1?explain=true')

    t.match(explained.json(), {
      explanation: {
        touchpoints: [
          { event_id: 'e1', partner_name: 'Alice', weight: '1', percentage: 50, payout: 50.01 },
          { event_id: 'e2', partner_name: 'Bob', weight: '1/2', percentage: 25, payout: 25 },
          { event_id: 'e3', partner_name: 'Bob', weight: '1/2', percentage: 25, payout: 25 },
        ],
        excluded: [],
        odd_units: [{ partner_id: 'p1', amount: 0.01, rule: 'earliest first touch' }],
        sentences: [
          {
            partner_id: 'p1',
            sentence: /^Alice earns USD 50\.01, 50\.00 % of USD 100\.01, for 1 touchpoint/,
          },
          {},
        ],
      },
    })
  },
)

t.test('amending a deal splits it again and keeps the old version', async (t) => {
  const service = await createApp(t)
  await givenTwoPartnerDeal(service)

  const amended = await service.call('PATCH', '/deals/d1', { amount: 200, attribution_model: 'time-decay' })
  const same = await service.call('PATCH', '/deals/d1', { amount: 200 })

  t.match(amended.json(), {
    deal: {
      amount: 200,
      version: 2,
      attribution_model: 'time-decay',
      model_parameters: { half_life_days: 7 },
    },
    attribution: { total_amount: 200, version: 2, cached: false },
  })
  t.match(same.json(), { deal: { version: 2 } }, 'unchanged inputs make no version')
  t.match(await history(service, 'd1'), [{ total_amount: 100.01 }, { total_amount: 200, reason: 'amended' }])
})

t.test('voiding an event removes its credit and deletes nothing', async (t) => {
  const service = await createApp(t)
  await givenTwoPartnerDeal(service)

  const voided = await service.call('POST', '/events/e1/void', { reason: 'wrong partner' })
  const again = await service.call('POST', '/events/e1/void', { reason: 'twice' })

  t.match(voided.json(), { event: { id: 'e1', void_reason: 'wrong partner' } })
  t.match(again.json(), { event: { void_reason: 'wrong partner' } })
  t.match((await service.call('GET', '/attribution/d1')).json(), {
    attributions: [],
    unattributed: 100.01,
    version: 2,
  })
  t.match(await history(service, 'd1'), [{ reason: 'closed' }, { reason: 'event_voided' }])
})

t.test('voiding a deal removes it from revenue and payouts and makes it final', async (t) => {
  const service = await createApp(t)
  await givenTwoPartnerDeal(service)

  const voided = await service.call('POST', '/deals/d1/void', { reason: 'refunded' })
  const amended = await service.call('PATCH', '/deals/d1', { amount: 1 })
  const late = await givenEvent(service, {
    partner_id: 'p2',
    deal_id: 'd1',
    timestamp: '2024-01-02T09:00:00Z',
  })

  t.match(voided.json(), {
    deal: { version: 2, void_reason: 'refunded' },
    attribution: { attributions: [], unattributed: 100.01 },
  })
  t.match(amended.json(), { status: 409, code: 'deal_void' })
  t.match((await service.call('GET', '/analytics')).json(), {
    overview: { total_deals: 0, total_revenue: 0 },
  })
  t.ok(late.id)
  t.equal((await history(service, 'd1')).length, 2)
})

t.test('recalculating an unchanged deal stores no version, with or without a body', async (t) => {
  const service = await createApp(t)
  await givenTwoPartnerDeal(service)

  const bare = await service.call('POST', '/attribution/d1/recalculate')
  const empty = await service.app.inject({
    method: 'POST',
    url: '/attribution/d1/recalculate',
    headers: { 'x-api-key': service.key, 'content-type': 'application/json' },
  })

  t.match(bare.json(), { version: 1, cached: false })
  t.match(empty.json(), { version: 1, cached: false })
})

import t from 'tap'
import { createApp, type TestApp } from '../support/app.ts'
import { listFaults } from '../support/corrections.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'
import type { DealSplit } from '../../src/deals/schemas.ts'

async function amend({ call }: TestApp, change: object): Promise<DealSplit> {
  return (await call('PATCH', '/deals/d1', change)).json<DealSplit>()
}

async function read({ call }: TestApp) {
  return (await call('GET', '/deals/d1')).json<{ deal: DealSplit['deal'] }>().deal
}

t.test('PATCH /deals/:dealId changes only the weights that it names', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo' })
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', touchpoint_type: 'support' })
  const weights = { demo: 2, support: 0.1 }
  await givenDeal(service, { attribution_model: 'role-based', id: 'd1', model_parameters: { weights } })

  const { deal, attribution } = await amend(service, { model_parameters: { weights: { closer: 1 } } })

  t.match(deal.model_parameters, { weights: { demo: 2, support: 0.1, closer: 1, referral: 0.25 } })
  t.match(attribution.attributions, [{ percentage: 95.24 }, { percentage: 4.76 }])
})

t.test('PATCH /deals/:dealId keeps the window and no other parameter when the model changes', async (t) => {
  const service = await createApp(t)
  const model_parameters = { lookback_days: 30, close_grace_minutes: 5, weights: { first: 1, middle: 1 } }
  await givenDeal(service, { attribution_model: 'position-based', id: 'd1', model_parameters })

  const { deal } = await amend(service, {
    attribution_model: 'role-based',
    model_parameters: { lookback_days: null, weights: { demo: 0 } },
  })

  t.strictSame(deal.model_parameters, {
    lookback_days: null,
    close_grace_minutes: 5,
    weights: { demo: 0, intro: 0.15, other: 0.05, closer: 0.35, support: 0.1, referral: 0.25 },
  })
})

t.test('PATCH /deals/:dealId that changes nothing leaves updated_at and makes no version', async (t) => {
  const service = await createApp(t)
  const weights = { demo: 2 }
  await givenDeal(service, { attribution_model: 'role-based', id: 'd1', model_parameters: { weights } })
  const before = await read(service)
  const { amount, closed_date, attribution_model, model_parameters } = before

  const all = await amend(service, { amount, closed_date, attribution_model, model_parameters })
  const some = await amend(service, { model_parameters: { weights } })

  t.strictSame([all.deal, some.deal, await read(service)], [before, before, before])
})

t.test('a closed_date that is read and sent back keeps its day, and its time of day', async (t) => {
  for (const [closed_date, late] of [
    ['2024-01-20T00:00:00+01:00', 1],
    ['2024-01-20T01:00:00+01:00', 0],
  ] as const) {
    const service = await createApp(t)
    await givenPartner(service, 'p1')
    await givenDeal(service, { id: 'd1', closed_date })

    await amend(service, { closed_date: (await read(service)).closed_date, amount: 200 })
    await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-20T22:00:00+01:00' })

    const { attribution } = await amend(service, { amount: 300 })
    t.equal(attribution.attributions.length, late, closed_date)
  }
})

t.test('PATCH /deals/:dealId names every fault of what is sent', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1' })

  const refused = await service.call('PATCH', '/deals/d1', {
    amount: 0.001,
    closed_date: '9999-01-01T00:00:00Z',
    model_parameters: { half_life_days: 7 },
  })

  t.match(refused.json(), {
    status: 400,
    errors: [
      { pointer: '/amount' },
      { pointer: '/closed_date' },
      { pointer: '/model_parameters/half_life_days' },
    ],
  })
})

t.test('metadata of a deal keeps the order of its members', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1', metadata: { zone: 'b  b', a: [1.5, null], 10: '\u00e9"\\' } })
  const textOf = async () => JSON.stringify((await read(service)).metadata)

  const made = await textOf()
  await amend(service, { metadata: { aa: 1 } })

  t.equal(made, '{"10":"\u00e9\\"\\\\","zone":"b  b","a":[1.5,null]}')
  t.equal(await textOf(), '{"10":"\u00e9\\"\\\\","zone":"b  b","a":[1.5,null],"aa":1}')
})

t.test('name and metadata of a deal change without a version; metadata is merged deeply', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01T00:00:00Z' })
  await givenDeal(service, {
    id: 'd1',
    closed_date: '2024-01-20',
    name: 'Big one',
    metadata: { crm: { stage: 'won', owner: 'x' } },
  })
  const made = await read(service)

  const { deal: merged } = await amend(service, { metadata: { crm: { owner: 'y' }, tags: ['a'] } })
  const { deal: same } = await amend(service, { metadata: { tags: ['a'] } })
  const { deal: renamed } = await amend(service, { name: null, amount: 200 })
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-02T00:00:00Z' })
  const late = await read(service)
  const { deal: removed } = await amend(service, { metadata: null })
  const large = await service.call('PATCH', '/deals/d1', { metadata: { text: 'x'.repeat(16_400) } })
  const { deals } = (await service.call('GET', '/deals')).json<{ deals: readonly object[] }>()

  t.strictSame([made.name, made.metadata], ['Big one', { crm: { stage: 'won', owner: 'x' } }])
  t.strictSame(merged.metadata, { crm: { stage: 'won', owner: 'y' }, tags: ['a'] })
  t.strictSame([merged.version, merged.name], [1, 'Big one'])
  t.ok(merged.updated_at > made.updated_at, 'a change of metadata is a change of the deal')
  t.strictSame(same, merged)
  t.strictSame([renamed.version, renamed.name, renamed.metadata], [2, null, merged.metadata])
  t.strictSame([late.version, late.name, late.metadata], [3, null, merged.metadata])
  t.strictSame([removed.version, removed.metadata, (await read(service)).metadata], [3, null, null])
  t.match([large.statusCode, large.json()], [400, { errors: [{ pointer: '/metadata' }] }])
  t.notOk(
    deals.some((deal) => 'metadata' in deal),
    'a list leaves it out',
  )
})

t.test('PATCH /deals/:dealId moves a deal to another currency, with all that reports count', async (t) => {
  const service = await createApp(t)
  const { call } = service
  await givenPartner(service, 'p1')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01' })
  await givenDeal(service, { id: 'd1', amount: 100.5, closed_date: '2024-01-20' })
  const overview = async (currency: string) =>
    (await call('GET', `/analytics?currency=${currency}`)).json<{ overview: object }>().overview
  const listed = async (currency: string) =>
    (await call('GET', `/deals?partner_id=p1&currency=${currency}`)).json<{ deals: unknown[] }>().deals.length

  const euros = await amend(service, { currency: 'EUR' })
  const yen = await amend(service, { currency: 'JPY', amount: 15_000 })
  const refused = await call('PATCH', '/deals/d1', { currency: 'EUR' })
  const wrong = await call('PATCH', '/deals/d1', { currency: 'JPY', amount: 1.5 })

  t.match(euros, {
    deal: { amount: 100.5, currency: 'EUR' },
    attribution: { version: 2, total_amount: 100.5 },
  })
  t.match(yen, { deal: { amount: 15_000, currency: 'JPY' }, attribution: { version: 3, currency: 'JPY' } })
  t.match(refused.json(), {
    status: 400,
    errors: [{ pointer: '/amount', detail: 'Send the amount too: EUR has other decimals than JPY.' }],
  })
  t.match(wrong.json(), { status: 400, errors: [{ pointer: '/amount' }] })
  t.match(await overview('JPY'), { total_deals: 1, total_revenue: 15_000 })
  t.match(await overview('EUR'), { total_deals: 0, total_revenue: 0 })
  t.match(await overview('USD'), { total_deals: 0, total_revenue: 0 })
  t.strictSame([await listed('USD'), await listed('EUR'), await listed('JPY')], [0, 0, 1])
  t.strictSame(await listFaults(service), [])
})

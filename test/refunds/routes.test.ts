import t from 'tap'
import type { Refund, RefundSplit } from '../../src/refunds/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { listFaults } from '../support/corrections.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

/** A role-based deal of 50,000.00: p1 referred and closed it, p2 gave the demo. */
async function givenSplitDeal(service: TestApp) {
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  for (const [partner_id, touchpoint_type] of [
    ['p1', 'referral'],
    ['p1', 'closer'],
    ['p2', 'demo'],
  ])
    await givenEvent(service, {
      partner_id,
      deal_id: 'd1',
      touchpoint_type,
      timestamp: '2024-01-10T00:00:00Z',
    })
  await givenDeal(service, {
    id: 'd1',
    amount: 50_000,
    closed_date: '2024-01-20',
    attribution_model: 'role-based',
  })
}

async function refund({ call }: TestApp, body: object, deal = 'd1') {
  const answer = await call('POST', `/deals/${deal}/refunds`, body)
  return { status: answer.statusCode, ...answer.json<RefundSplit & { code?: string; detail?: string }>() }
}

async function voidRefund({ call }: TestApp, id: string) {
  const answer = await call('POST', `/refunds/${id}/void`, { reason: 'a mistake' })
  return { status: answer.statusCode, ...answer.json<RefundSplit & { code?: string }>() }
}

const amountsOf = ({ deal, attribution }: Pick<RefundSplit, 'deal' | 'attribution'>) => ({
  deal: [deal.amount, deal.refunded_amount, deal.net_amount],
  total: attribution.total_amount,
  shares: attribution.attributions.map((share) => [share.partner_id, share.percentage, share.payout]),
})

t.test(
  'a deal is split on what its refunds leave, and on 0 with the same percentages in the end',
  async (t) => {
    const service = await createApp(t)
    await givenSplitDeal(service)
    const support = { partner_id: 'p2', deal_id: 'd1', touchpoint_type: 'support' }
    await givenEvent(service, { ...support, timestamp: '2024-01-18T00:00:00Z' })

    const first = await refund(service, { id: 'r1', amount: 12_345.67, refunded_on: '2024-03-05' })
    const rest = await refund(service, { id: 'r2', amount: 37_654.33, refunded_on: '2024-04-02' })

    // p1 has 0.25 + 0.35 of 0.85, p2 has 0.15 + 0.1.
    t.strictSame([first, rest].map(amountsOf), [
      {
        deal: [50_000, 12_345.67, 37_654.33],
        total: 37_654.33,
        shares: [
          ['p1', 70.59, 26_579.53],
          ['p2', 29.41, 11_074.8],
        ],
      },
      {
        deal: [50_000, 50_000, 0],
        total: 0,
        shares: [
          ['p1', 70.59, 0],
          ['p2', 29.41, 0],
        ],
      },
    ])
    const explained = await service.call('GET', '/attribution/d1?explain=true')
    t.match(explained.json(), {
      total_amount: 0,
      explanation: {
        odd_units: [],
        touchpoints: [{ payout: 0 }, { payout: 0 }, { payout: 0 }, { payout: 0 }],
      },
    })
    t.strictSame([rest.status, rest.attribution.unattributed, rest.attribution.cached], [201, 0, false])
    t.strictSame(await listFaults(service), [])
  },
)

t.test('a refund is answered with all that the service knows of it', async (t) => {
  const service = await createApp(t)
  await givenSplitDeal(service)

  const { status, refund: made } = await refund(service, { amount: 0.5, reason: 'late delivery' })

  t.equal(status, 201)
  t.match(made, {
    id: /^ref_/,
    deal_id: 'd1',
    amount: 0.5,
    currency: 'USD',
    refunded_on: service.calendar.dateOf(Date.now()),
    reason: 'late delivery',
    voided_at: null,
    void_reason: null,
  })
})

t.test('a refund from before the close counts on the day of the close', async (t) => {
  const service = await createApp(t)
  await givenSplitDeal(service)
  await refund(service, { id: 'r1', amount: 1, refunded_on: '2024-01-19' })
  await refund(service, { id: 'r2', amount: 1, refunded_on: '2024-01-21' })

  const answer = await service.call('GET', '/deals/d1/refunds')

  t.match(answer.json(), {
    refunds: [
      { id: 'r1', refunded_on: '2024-01-19', counted_on: '2024-01-20' },
      { id: 'r2', refunded_on: '2024-01-21', counted_on: '2024-01-21' },
    ],
    pagination: { total: 2, next_cursor: null },
  })
})

t.test('the same refund again is answered with 200, another one under its id with 409', async (t) => {
  const service = await createApp(t)
  await givenSplitDeal(service)
  await givenDeal(service, { id: 'd2' })
  const made = await refund(service, { id: 'r1', amount: 10 })

  const again = await refund(service, { id: 'r1', amount: 10 })
  const other = await refund(service, { id: 'r1', amount: 11 })
  const elsewhere = await refund(service, { id: 'r1', amount: 10 }, 'd2')
  await voidRefund(service, 'r1')
  const afterVoid = await refund(service, { id: 'r1', amount: 10 })

  t.strictSame(again, { ...made, status: 200, attribution: { ...made.attribution, cached: true } })
  t.match(
    [other, elsewhere],
    [409, 409].map((status) => ({ status, code: 'refund_exists' })),
  )
  t.match(afterVoid, { status: 200, refund: { void_reason: 'a mistake' }, deal: { net_amount: 50_000 } })
})

t.test('a refund that cannot be is refused and changes nothing', async (t) => {
  const service = await createApp(t)
  await givenSplitDeal(service)
  await givenDeal(service, { id: 'void' })
  await service.call('POST', '/deals/void/void', { reason: 'cancelled' })
  const before = (await service.call('GET', '/deals/d1')).json()
  const tomorrow = service.calendar.dateOf(Date.now() + 86_400_000)

  const refused = await Promise.all([
    refund(service, { amount: 50_000.01 }),
    refund(service, { amount: 1.001 }),
    refund(service, { amount: 1, refunded_on: tomorrow }),
    refund(service, { amount: 1 }, 'void'),
    refund(service, { amount: 1 }, 'unknown'),
    voidRefund(service, 'unknown'),
  ])
  const list = await service.call('GET', '/deals/unknown/refunds')

  t.match(refused, [
    { status: 409, code: 'refund_too_large', detail: /d1 has USD 50,000.00 left/ },
    { status: 400, errors: [{ pointer: '/amount', detail: /at most 2 decimals/ }] },
    { status: 400, errors: [{ pointer: '/refunded_on', detail: /later than today/ }] },
    { status: 409, code: 'deal_void' },
    { status: 404, code: 'deal_not_found' },
    { status: 404, code: 'refund_not_found' },
  ])
  t.match(list.json(), { code: 'deal_not_found' })
  t.strictSame((await service.call('GET', '/deals/d1')).json(), before)
})

t.test('POST /refunds/:refundId/void gives its part back to the deal, once', async (t) => {
  const service = await createApp(t)
  await givenSplitDeal(service)
  await refund(service, { id: 'r1', amount: 20_000 })
  await refund(service, { id: 'r2', amount: 10_000 })

  const voided = await voidRefund(service, 'r1')
  const again = await voidRefund(service, 'r1')

  t.equal(voided.refund.voided_at, voided.attribution.calculated_at)
  t.strictSame(amountsOf(voided), {
    deal: [50_000, 10_000, 40_000],
    total: 40_000,
    shares: [
      ['p1', 80, 32_000],
      ['p2', 20, 8000],
    ],
  })
  t.strictSame(again, { ...voided, attribution: { ...voided.attribution, cached: true } })
  t.strictSame(await listFaults(service), [])
})

t.test('the history names the refunds that made a version', async (t) => {
  const service = await createApp(t)
  await givenSplitDeal(service)
  await refund(service, { id: 'r1', amount: 20_000, reason: 'late delivery' })
  await voidRefund(service, 'r1')

  const { versions } = (await service.call('GET', '/attribution/d1/history')).json<{
    versions: { reason: string; total_amount: number; cause: object }[]
  }>()

  t.match(versions, [
    { reason: 'closed', total_amount: 50_000 },
    { reason: 'refunded', total_amount: 30_000, cause: { refund_ids: ['r1'], note: 'late delivery' } },
    { reason: 'refund_voided', total_amount: 50_000, cause: { refund_ids: ['r1'], note: 'a mistake' } },
  ])
  t.equal('refund_ids' in (versions[0]?.cause ?? {}), false)
})

t.test('a deal with refunds keeps its currency and at least their sum', async (t) => {
  const service = await createApp(t)
  await givenSplitDeal(service)
  await refund(service, { id: 'r1', amount: 100 })

  const currency = await service.call('PATCH', '/deals/d1', { currency: 'EUR' })
  const less = await service.call('PATCH', '/deals/d1', { amount: 99.99 })
  const declared = await service.call('PUT', '/deals/d1', { amount: 99.99, attribution_model: 'role-based' })
  const equal = await service.call('PATCH', '/deals/d1', { amount: 100 })
  await voidRefund(service, 'r1')
  const free = await service.call('PATCH', '/deals/d1', { currency: 'EUR', amount: 50 })

  for (const answer of [currency, less, declared])
    t.match(answer.json(), { status: 409, code: 'deal_refunded', detail: /refunds of USD 100.00/ })
  t.match(amountsOf(equal.json()), {
    deal: [100, 100, 0],
    shares: [
      ['p1', 80, 0],
      ['p2', 20, 0],
    ],
  })
  t.match(amountsOf(free.json()), { deal: [50, 0, 50], total: 50 })
  t.strictSame(await listFaults(service), [])
})

t.test(
  'a void deal pays nothing and keeps its refunds; reinstated, it is split on its net amount',
  async (t) => {
    const service = await createApp(t)
    await givenSplitDeal(service)
    await refund(service, { id: 'r1', amount: 20_000 })

    const voided = await service.call('POST', '/deals/d1/void', { reason: 'cancelled' })
    const refused = await voidRefund(service, 'r1')
    const reinstated = await service.call('POST', '/deals/d1/reinstate', { reason: 'not cancelled' })

    t.strictSame(amountsOf(voided.json()), { deal: [50_000, 20_000, 30_000], total: 30_000, shares: [] })
    t.match(refused, { status: 409, code: 'deal_void' })
    t.match(amountsOf(reinstated.json()).shares, [
      ['p1', 80, 24_000],
      ['p2', 20, 6000],
    ])
    t.strictSame(await listFaults(service), [])
  },
)

t.test('refunds come in pages, in the order in which they were recorded', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1', amount: 100 })
  for (let n = 1; n <= 5; n++) await refund(service, { id: `r${6 - n}`, amount: n })

  const ids: string[] = []
  let cursor = ''
  do {
    const answer = await service.call('GET', `/deals/d1/refunds?limit=2${cursor && `&cursor=${cursor}`}`)
    const page = answer.json<{ refunds: Refund[]; pagination: { next_cursor: string | null } }>()
    ids.push(...page.refunds.map(({ id }) => id))
    cursor = page.pagination.next_cursor ?? ''
  } while (cursor !== '')

  t.strictSame(ids, ['r5', 'r4', 'r3', 'r2', 'r1'])
})

t.test('a deal has at most 1,000 refunds, void ones included', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1', amount: 100 })
  await service.db
    .insertInto('refunds')
    .values(
      Array.from({ length: 999 }, (_, n) => ({
        id: `r${n}`,
        deal_id: 'd1',
        amount_minor: 1n,
        currency: 'USD',
        refunded_on: '2024-02-01',
        reason: null,
        voided_at: '2024-02-02T00:00:00.000Z',
        void_reason: 'a mistake',
        submission: Buffer.from(''),
      })),
    )
    .execute()

  const last = await refund(service, { amount: 1 })
  const more = await refund(service, { amount: 1 })

  t.equal(last.status, 201)
  t.match(more, { status: 409, code: 'deal_full' })
})

t.test('reports add up net amounts by the day of the close, with the refunds beside them', async (t) => {
  const service = await createApp(t)
  await givenSplitDeal(service)
  await givenDeal(service, { id: 'd2', amount: 10_000, closed_date: '2024-02-01' })
  await refund(service, { id: 'r1', amount: 20_000, refunded_on: '2024-02-10' })

  const january = await service.call('GET', '/analytics?start_date=2024-01-01&end_date=2024-01-31')
  const all = await service.call('GET', '/analytics')
  const whatIf = await service.call('POST', '/analytics/what-if', { attribution_model: 'equal' })
  const compared = await service.call('GET', '/attribution/d1/compare')
  const listed = await service.call('GET', '/attributions')

  const three = { amount: 50_000, refunded_amount: 20_000, net_amount: 30_000 }
  t.match(january.json(), {
    overview: { total_deals: 1, total_revenue: 30_000, refunded: 20_000, avg_deal_size: 30_000 },
    partners: [
      { id: 'p1', total_payout: 24_000, revenue_share_pct: 80 },
      { id: 'p2', total_payout: 6000, revenue_share_pct: 20 },
    ],
    models: [{ total_amount: 30_000 }],
    recent_deals: [{ id: 'd1', ...three }],
  })
  t.match(all.json(), {
    overview: { total_revenue: 40_000, refunded: 20_000, unattributed: 10_000, avg_deal_size: 20_000 },
    partners: [{ revenue_share_pct: 60 }, { revenue_share_pct: 15 }],
  })
  t.match(whatIf.json(), {
    total_amount: 40_000,
    partners: [{ payout_now: 6000, payout_proposed: 15_000 }, {}],
  })
  t.match(compared.json(), { total_amount: 30_000 })
  t.match(listed.json(), { attributions: [{ deal_id: 'd1', total_amount: 30_000 }, { deal_id: 'd2' }] })
  const statement = await service.call('GET', '/partners/p1/statement?month=2024-02')
  t.match(statement.json(), {
    opening: 40_000,
    lines: [{ effective_on: '2024-02-10', payout: 24_000, amount: -16_000 }],
    closing: 24_000,
  })
  const partner = await service.call('GET', '/analytics/partner/p1')
  t.match(partner.json(), { deals: [{ id: 'd1', ...three, payout: 24_000 }] })
})

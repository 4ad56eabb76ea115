import { sql } from 'kysely'
import t from 'tap'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner, givenTouchpoints } from '../support/fixtures.ts'

interface Result {
  readonly deals_count: number
  readonly total_payout: number
  readonly commission_now: number
  readonly commission_proposed: number
  readonly partners: readonly { readonly partner_id: string; readonly difference: number }[]
  readonly others: { readonly partners_count: number; readonly difference: number }
}

const closed_date = '2024-01-20T12:00:00Z'

async function simulate({ call }: TestApp, body: object) {
  return call('POST', '/commission-plans/simulate', body)
}

/** The deal of SPEC §8: 50,000 role-based, 80/20. */
async function givenSplitDeal(service: TestApp, deal: object = {}) {
  const deal_id = (deal as { id?: string }).id ?? 'd1'
  const at = '2024-01-10T12:00:00Z'
  for (const [partner_id, touchpoint_type] of [
    ['p1', 'referral'],
    ['p1', 'closer'],
    ['p2', 'demo'],
  ]) {
    await givenEvent(service, { partner_id, deal_id, touchpoint_type, timestamp: at })
  }
  await givenDeal(service, {
    id: deal_id,
    amount: 50_000,
    attribution_model: 'role-based',
    closed_date,
    ...deal,
  })
}

t.test(
  'POST /commission-plans/simulate pays the deals of a period under rules, beside what they owe now',
  async (t) => {
    const service = await createApp(t)
    await givenPartner(service, 'p1', 'Alice')
    await givenPartner(service, 'p2', 'Bob')
    await givenSplitDeal(service)
    await givenSplitDeal(service, { id: 'euro', currency: 'EUR' })
    await givenSplitDeal(service, { id: 'later', closed_date: '2024-03-01' })
    await givenSplitDeal(service, { id: 'void' })
    await service.call('POST', '/deals/void/void', { reason: 'test' })

    const period = { start_date: '2024-01-01', end_date: '2024-01-31' }
    const january = await simulate(service, { rules: [{ rate: '12' }], ...period })
    const euros = await simulate(service, { rules: [{ rate: '0' }], currency: 'EUR', ...period })

    t.equal(january.statusCode, 200)
    // SPEC §8: 50,000 role-based 80/20 at 12 % is 4,800 and 1,200.
    t.strictSame(january.json(), {
      currency: 'USD',
      deals_count: 1,
      total_payout: 50_000,
      commission_now: 50_000,
      commission_proposed: 6000,
      difference: -44_000,
      partners: [
        {
          partner_id: 'p2',
          partner_name: 'Bob',
          commission_now: 10_000,
          commission_proposed: 1200,
          difference: -8800,
        },
        {
          partner_id: 'p1',
          partner_name: 'Alice',
          commission_now: 40_000,
          commission_proposed: 4800,
          difference: -35_200,
        },
      ],
      others: { partners_count: 0, commission_now: 0, commission_proposed: 0, difference: 0 },
    })
    t.match(euros.json(), { currency: 'EUR', deals_count: 1, commission_proposed: 0 })
  },
)

t.test('POST /commission-plans/simulate asks for group, touchpoint types, model and amount', async (t) => {
  const service = await createApp(t)
  await service.call('POST', '/partners', { id: 'p1', name: 'Alice', group: 'gold' })
  await givenPartner(service, 'p2')
  await givenSplitDeal(service)
  const flat = { amount: 100, currency: 'USD' }
  const paid = async (when: object) => {
    const answer = await simulate(service, { rules: [{ when, flat }] })
    return answer.json<Result>().commission_proposed
  }

  t.equal(await paid({}), 200)
  t.equal(await paid({ groups: ['gold', 'silver'] }), 100)
  t.equal(await paid({ touchpoint_types: ['demo'] }), 100)
  t.equal(await paid({ touchpoint_types: ['demo', 'closer'] }), 200)
  t.equal(await paid({ partner_ids: ['p2'], touchpoint_types: ['closer'] }), 0)
  t.equal(await paid({ models: ['role-based'], amount_at_least: 50_000, amount_below: 50_000.0001 }), 200)
  t.equal(await paid({ models: ['equal'] }), 0)
  t.equal(await paid({ currencies: ['EUR'] }), 0)
  const capped = await simulate(service, {
    rules: [{ rate: '12' }],
    cap_per_deal: { amount: 10, currency: 'USD' },
  })
  t.match(capped.json(), {
    commission_proposed: 10,
    partners: [{ commission_proposed: 2 }, { commission_proposed: 8 }],
  })
})

t.test(
  'POST /commission-plans/simulate adds up over batches and sums up partners beyond 1,000',
  async (t) => {
    const service = await createApp(t)
    await givenTouchpoints(service, { deal_id: 'd0', count: 400, partners: 400 })
    await sql`
    insert into partners (id, name, submission) select 'r' || n, 'R', '' from generate_series(0, 1199) n`.execute(
      service.db,
    )
    await sql`
    insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, known_from, submission)
    select 'x' || n, 'd' || n / 2, 'r' || n, 'demo', '2024-01-01Z', '2024-01-01', 1, '' from generate_series(0, 1199) n`.execute(
      service.db,
    )
    for (let n = 0; n < 600; n++) await givenDeal(service, { id: `d${n}`, amount: 1000.01 + n, closed_date })

    const answer = await simulate(service, { rules: [{ rate: '7.7' }] })

    const { deals_count, total_payout, partners, others, commission_now, commission_proposed } =
      answer.json<Result>()
    // Each deal's commission is 7.7 % of its amount, rounded half up to the cent.
    let cents = 0n
    for (let n = 0n; n < 600n; n++) cents += (2n * (100_001n + 100n * n) * 77n + 1000n) / 2000n
    t.strictSame([deals_count, partners.length, others.partners_count], [600, 1000, 600])
    t.equal(Math.round(commission_proposed * 100), Number(cents))
    t.equal(commission_now, total_payout)
    const changes = [...partners, others].reduce(
      (sum, { difference }) => sum + Math.round(difference * 100),
      0,
    )
    t.equal(changes, Math.round((commission_proposed - commission_now) * 100))
  },
)

t.test(
  'POST /commission-plans/simulate refuses what a plan may not have, and reversed periods',
  async (t) => {
    const service = await createApp(t)
    const refused = async (body: object) =>
      (await simulate(service, { rules: [{ rate: '1' }], ...body })).json()

    t.match(await refused({ rules: [{}] }), { status: 400, errors: [{ pointer: '/rules/0' }] })
    t.match(await refused({ rules: [{ rate: '1', when: { partner_ids: ['x'] } }] }), {
      status: 400,
      errors: [{ pointer: '/rules/0/when/partner_ids/0', detail: 'No partner has the id x.' }],
    })
    t.match(await refused({ start_date: '2024-02-01', end_date: '2024-01-01' }), {
      status: 400,
      errors: [{ pointer: '/end_date', detail: 'The period ends before it starts.' }],
    })
  },
)

t.test('a simulation equals the commissions of the same deals after a change to that plan', async (t) => {
  const service = await createApp(t)
  await service.call('POST', '/partners', { id: 'p1', name: 'Alice', group: 'gold' })
  await givenPartner(service, 'p2')
  const amounts = [1000.03, 77.77, 0.05, 123_456.78]
  for (const [n, amount] of amounts.entries()) await givenSplitDeal(service, { id: `d${n}`, amount })
  const rules = [
    {
      when: { groups: ['gold'], amount_at_least: 100 },
      rate: '33.3333',
      cap: { amount: 5000, currency: 'USD' },
    },
    { when: { touchpoint_types: ['closer'] }, flat: { amount: 7.01, currency: 'USD' } },
    { rate: '0.77' },
  ]
  const cap_per_deal = { amount: 5050.05, currency: 'USD' }

  const { partners, commission_proposed } = (await simulate(service, { rules, cap_per_deal })).json<{
    commission_proposed: number
    partners: readonly { partner_id: string; commission_proposed: number }[]
  }>()
  const plan = { id: 'plan', name: 'P', effective_from: '2024-01-01', rules, cap_per_deal }
  await service.call('POST', '/commission-plans', plan)
  const cents = new Map<string, number>()
  for (const n of amounts.keys()) {
    const patched = await service.call('PATCH', `/deals/d${n}`, { commission_plan_id: 'plan' })
    const { attribution } = patched.json<{
      attribution: { attributions: readonly { partner_id: string; commission: number }[] }
    }>()
    for (const { partner_id, commission } of attribution.attributions)
      cents.set(partner_id, (cents.get(partner_id) ?? 0) + Math.round(commission * 100))
  }
  const after = await simulate(service, { rules, cap_per_deal })

  for (const { partner_id, commission_proposed: owed } of partners)
    t.equal(Math.round(owed * 100), cents.get(partner_id), partner_id)
  t.equal(partners.length, 2)
  t.match(after.json(), { commission_now: commission_proposed, commission_proposed, difference: 0 })
})

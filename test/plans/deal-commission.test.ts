import { sql } from 'kysely'
import t from 'tap'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenEvent } from '../support/fixtures.ts'

const timestamp = '2024-01-10T12:00:00Z'

/** The deal of SPEC §8: 50,000 role-based, 80/20, at 12 %. */
async function givenCommission(service: TestApp): Promise<void> {
  const { call } = service
  await call('POST', '/partners', { id: 'p1', name: 'Alice', group: 'gold' })
  await call('POST', '/partners', { id: 'p2', name: 'Bob' })
  await call('POST', '/commission-plans', {
    id: 'twelve',
    name: 'Twelve',
    effective_from: '2024-01-01',
    rules: [{ when: { groups: ['gold'] }, rate: '12' }, { rate: '12' }],
  })
  for (const [partner_id, touchpoint_type] of [
    ['p1', 'referral'],
    ['p1', 'closer'],
    ['p2', 'demo'],
  ])
    await givenEvent(service, { partner_id, deal_id: 'd1', touchpoint_type, timestamp })
  await givenDeal(service, {
    id: 'd1',
    amount: 50_000,
    attribution_model: 'role-based',
    closed_date: '2024-01-20T12:00:00Z',
    commission_plan_id: 'twelve',
  })
}

t.test('GET /deals/:id/commission shows what a deal owes, and explains it', async (t) => {
  const service = await createApp(t)
  await givenCommission(service)

  const plain = await service.call('GET', '/deals/d1/commission')
  const explained = await service.call('GET', '/deals/d1/commission?explain=true')

  const commission = {
    deal_id: 'd1',
    version: 1,
    split_version: 1,
    plan_id: 'twelve',
    plan_version: 1,
    currency: 'USD',
    commission: 6000,
    lines: [
      { partner_id: 'p1', partner_name: 'Alice', payout: 40_000, commission: 4800 },
      { partner_id: 'p2', partner_name: 'Bob', payout: 10_000, commission: 1200 },
    ],
  }
  t.match(plain.json(), commission)
  t.notOk('explanation' in plain.json<object>())
  t.match(explained.json(), {
    ...commission,
    explanation: [
      {
        partner_id: 'p1',
        rule_number: 1,
        rule: { when: { groups: ['gold'] }, rate: '12' },
        partner_group: 'gold',
        quota: '480000',
        odd_unit: null,
        sentence: 'Alice earns USD 4,800.00: 12 % of the payout of USD 40,000.00 (rule 1).',
      },
      {
        partner_id: 'p2',
        rule_number: 2,
        rule: { rate: '12' },
        partner_group: null,
        sentence: 'Bob earns USD 1,200.00: 12 % of the payout of USD 10,000.00 (rule 2).',
      },
    ],
  })
})

t.test(
  'GET /deals/:id/commission with as_of answers what was owed then, explained by what was read then',
  async (t) => {
    const service = await createApp(t)
    await givenCommission(service)
    const first = (await service.call('GET', '/deals/d1/commission?explain=true')).json<{
      calculated_at: string
    }>()
    await service.call('PATCH', '/partners/p1', { group: null })
    await service.call('PATCH', '/deals/d1', { commission_plan_id: 'full' })
    const second = (await service.call('GET', '/deals/d1/commission')).json<{ calculated_at: string }>()
    await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', touchpoint_type: 'support', timestamp })
    const asOf = (at: string, more = '') => service.call('GET', `/deals/d1/commission?as_of=${at}${more}`)

    t.strictSame((await asOf(first.calculated_at, '&explain=true')).json(), first)
    t.strictSame((await asOf(second.calculated_at)).json(), second)
    t.match(second, { version: 2, split_version: 1, plan_id: 'full', commission: 50_000 })
    t.match((await service.call('GET', '/deals/d1/commission')).json(), {
      version: 3,
      split_version: 2,
      lines: [{ commission: 35_294.12 }, { commission: 14_705.88 }],
    })
    t.match((await asOf('2000-01-01T00:00:00Z')).json(), { status: 404, code: 'version_not_found' })
  },
)

t.test('the split at an instant shows what was owed then', async (t) => {
  const service = await createApp(t)
  await givenCommission(service)
  const { calculated_at } = (await service.call('GET', '/deals/d1/commission')).json<{
    calculated_at: string
  }>()
  await service.call('PATCH', '/deals/d1', { commission_plan_id: 'full' })

  const then = await service.call('GET', `/attribution/d1?as_of=${calculated_at}`)
  const explained = await service.call('GET', `/attribution/d1?as_of=${calculated_at}&explain=true`)
  const now = await service.call('GET', '/attribution/d1')
  const later = await service.call('GET', '/attribution/d1?as_of=2100-01-01T00:00:00Z')

  const owed = { version: 1, attributions: [{ commission: 4800 }, { commission: 1200 }] }
  const payouts = { version: 1, attributions: [{ commission: 40_000 }, { commission: 10_000 }] }
  t.match(then.json(), owed)
  t.match(explained.json(), owed)
  t.match(now.json(), payouts)
  t.match(later.json(), payouts)
})

t.test('GET /deals/:id/commission/history lists the versions with their causes', async (t) => {
  const service = await createApp(t)
  await givenCommission(service)
  await service.call('PATCH', '/deals/d1', { commission_plan_id: 'full', note: 'as agreed' })

  const first = await service.call('GET', '/deals/d1/commission/history?limit=1')
  const { next_cursor } = first.json<{ pagination: { next_cursor: string } }>().pagination
  const second = await service.call('GET', `/deals/d1/commission/history?limit=1&cursor=${next_cursor}`)

  t.match(first.json(), { versions: [{ version: 1, plan_id: 'twelve', commission: 6000 }] })
  t.match(second.json(), {
    versions: [
      { version: 2, split_version: 1, plan_id: 'full', commission: 50_000, cause: { note: 'as agreed' } },
    ],
    pagination: { next_cursor: null },
  })
})

t.test(
  'a deal of a release without commissions owes its payouts by the plan full, until it changes',
  async (t) => {
    const service = await createApp(t)
    await givenCommission(service)
    const owner = connectAsOwner(t, service.url)
    for (const table of ['ledger_moves', 'commission_lines', 'commission_versions']) {
      await sql`alter table ${sql.table(table)} disable trigger all`.execute(owner)
      await sql`delete from ${sql.table(table)}`.execute(owner)
      await sql`alter table ${sql.table(table)} enable trigger all`.execute(owner)
    }
    await sql`
    update deals set commission_plan_id = 'full', is_plan_named = false, commission_version = 0`.execute(
      owner,
    )

    const before = await service.call('GET', '/deals/d1/commission?explain=true')
    const split = await service.call('GET', '/attribution/d1')
    await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', touchpoint_type: 'support', timestamp })
    const after = await service.call('GET', '/deals/d1/commission')

    t.match(before.json(), {
      version: 0,
      plan_id: 'full',
      plan_version: 1,
      commission: 50_000,
      lines: [{ commission: 40_000 }, { commission: 10_000 }],
      explanation: [
        { sentence: 'Alice earns USD 40,000.00: 100 % of the payout of USD 40,000.00 (rule 1).' },
        {},
      ],
    })
    t.match(split.json(), { attributions: [{ commission: 40_000 }, { commission: 10_000 }] })
    t.match(after.json(), { version: 1, split_version: 2, plan_id: 'full', commission: 50_000 })
  },
)

t.test('GET /deals/:id/commission answers 404 for an unknown deal', async (t) => {
  const { call } = await createApp(t)

  t.match((await call('GET', '/deals/nobody/commission')).json(), { status: 404, code: 'deal_not_found' })
  t.match((await call('GET', '/deals/nobody/commission/history')).json(), { code: 'deal_not_found' })
})

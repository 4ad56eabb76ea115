import t from 'tap'
import { createApp, type TestApp } from '../support/app.ts'

async function createPlans(t: Parameters<typeof createApp>[0]): Promise<TestApp> {
  const service = await createApp(t)
  for (const id of ['a', 'b']) {
    const plan = { id, name: id, effective_from: '2024-01-01', rules: [{ rate: '10' }] }
    await service.call('POST', '/commission-plans', plan)
  }
  return service
}

async function listDefaults({ call }: TestApp): Promise<unknown> {
  const answer = await call('GET', '/commission-plans/default')
  return answer
    .json<{ defaults: { plan_id: string; from: string }[] }>()
    .defaults.map(({ plan_id, from }) => [from, plan_id])
}

t.test(
  'PUT /commission-plans/default sets the default from a day on and replaces that of the day',
  async (t) => {
    const service = await createPlans(t)
    const set = (plan_id: string, from: string) =>
      service.call('PUT', '/commission-plans/default', { plan_id, from })
    t.strictSame(await listDefaults(service), [])

    const first = await set('a', '2024-01-01')
    await set('b', '2024-07-01')
    const replaced = await set('full', '2024-01-01')
    const same = await set('full', '2024-01-01')

    t.match(
      [first.statusCode, first.json()],
      [200, { default: { plan_id: 'a', from: '2024-01-01', set_at: String } }],
    )
    t.match(replaced.json(), { default: { plan_id: 'full', from: '2024-01-01' } })
    t.strictSame(same.json(), replaced.json())
    t.strictSame(await listDefaults(service), [
      ['2024-07-01', 'b'],
      ['2024-01-01', 'full'],
    ])
    const audit = await service.call('GET', '/audit?action=commission_plan.default_set')
    const { entries } = audit.json<{ entries: readonly object[] }>()
    t.match(entries, [
      { subject_id: 'full', before: { plan_id: 'a', from: '2024-01-01' }, after: { plan_id: 'full' } },
      { subject_id: 'b', before: null },
      { subject_id: 'a', before: null, after: { plan_id: 'a', from: '2024-01-01' } },
    ])
    t.equal(entries.length, 3)
  },
)

t.test('PUT /commission-plans/default refuses an unknown plan and an invalid day', async (t) => {
  const service = await createPlans(t)
  const set = (body: object) => service.call('PUT', '/commission-plans/default', body)

  t.match((await set({ plan_id: 'nobody', from: '2024-01-01' })).json(), {
    status: 400,
    code: 'unknown_reference',
    errors: [{ pointer: '/plan_id', detail: 'No commission plan has the id nobody.' }],
  })
  t.match((await set({ plan_id: 'a', from: '2024-13-01' })).json(), {
    status: 400,
    errors: [{ pointer: '/from' }],
  })
  t.match((await set({ plan_id: 'a' })).json(), { status: 400, errors: [{ pointer: '/from' }] })
  t.strictSame(await listDefaults(service), [])
})

t.test('concurrent defaults of one day are each in the audit, in one chain', async (t) => {
  const service = await createPlans(t)

  const plans = ['a', 'b', 'full', 'a', 'b', 'full']
  await Promise.all(
    plans.map((plan_id) => service.call('PUT', '/commission-plans/default', { plan_id, from: '2024-01-01' })),
  )

  const audit = await service.call('GET', '/audit?action=commission_plan.default_set')
  const { entries } = audit.json<{ entries: { before: unknown; after: { plan_id: string } }[] }>()
  const [first, ...others] = entries.toReversed()
  t.equal(first?.before, null)
  for (const [index, { before }] of others.entries()) t.strictSame(before, entries.toReversed()[index]?.after)
  t.strictSame(await listDefaults(service), [['2024-01-01', entries[0]?.after.plan_id]])
})

t.test('GET /commission-plans/default pages from the latest day on', async (t) => {
  const service = await createPlans(t)
  for (const month of ['01', '02', '03'])
    await service.call('PUT', '/commission-plans/default', { plan_id: 'a', from: `2024-${month}-01` })

  const first = await service.call('GET', '/commission-plans/default?limit=2')
  const { next_cursor } = first.json<{ pagination: { next_cursor: string } }>().pagination
  const second = await service.call('GET', `/commission-plans/default?limit=2&cursor=${next_cursor}`)

  t.match(first.json(), { defaults: [{ from: '2024-03-01' }, { from: '2024-02-01' }] })
  t.match(second.json(), { defaults: [{ from: '2024-01-01' }], pagination: { next_cursor: null } })
})

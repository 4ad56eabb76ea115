import t from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'

const usual = {
  id: 'usual',
  name: 'Usual',
  effective_from: '2024-01-01',
  rules: [
    {
      when: {
        groups: ['gold'],
        touchpoint_types: ['closer', 'demo'],
        currencies: ['USD'],
        models: ['role-based'],
        amount_at_least: 1000,
        amount_below: 5000.5,
      },
      rate: '12.5',
      cap: { amount: 5000, currency: 'USD' },
    },
    { flat: { amount: 1.234, currency: 'KWD' } },
    { rate: '0.0001' },
  ],
  hold_days: 30,
  cap_per_deal: { amount: 100, currency: 'JPY' },
}
const simple = { effective_from: '2024-06-01', rules: [{ rate: '10' }] }

/** The numbers of plans and of versions. */
async function countRows({ db }: TestApp): Promise<readonly number[]> {
  const plans = await db.selectFrom('commission_plans').select('id').execute()
  const versions = await db.selectFrom('commission_plan_versions').select('version').execute()
  return [plans.length, versions.length]
}

t.test('POST /commission-plans stores a plan with its first version, which reads the same', async (t) => {
  const { call } = await createApp(t)

  const made = await call('POST', '/commission-plans', usual)
  const read = await call('GET', '/commission-plans/usual')

  const { id, name, ...terms } = usual
  t.equal(made.statusCode, 201)
  t.match(made.json(), { plan: { id, name, latest_version: 1, created_at: String } })
  const { version } = made.json<{ version: object }>()
  t.match(version, { version: 1, created_at: String })
  t.strictSame({ ...version, version: 0, created_at: '' }, { version: 0, ...terms, created_at: '' })
  t.strictSame(read.json(), {
    plan: made.json<{ plan: object }>().plan,
    versions: [version],
    pagination: { limit: 20, offset: 0, total: 1, next_cursor: null },
  })
})

t.test('POST /commission-plans makes an id, and hold_days are 0 without', async (t) => {
  const { call } = await createApp(t)

  const made = await call('POST', '/commission-plans', { name: 'P', ...simple })

  const { version } = made.json<{ version: object }>()
  t.match(made.json(), { plan: { id: /^plan_/ }, version: { hold_days: 0 } })
  t.notOk('cap_per_deal' in version)
})

t.test('POST /commission-plans answers the same plan again and refuses another under its id', async (t) => {
  const service = await createApp(t)
  const { call } = service
  await call('POST', '/commission-plans', usual)
  await call('POST', '/commission-plans/usual/versions', simple)
  const before = await countRows(service)

  const again = await call(
    'POST',
    '/commission-plans',
    Object.fromEntries(Object.entries(usual).toReversed()),
  )
  const other = await call('POST', '/commission-plans', { ...usual, hold_days: 31 })
  const builtIn = await call('POST', '/commission-plans', { ...usual, id: 'full' })

  t.match([again.statusCode, again.json()], [200, { plan: { latest_version: 2 }, version: { version: 1 } }])
  t.match(other.json(), { status: 409, code: 'commission_plan_exists' })
  t.match(builtIn.json(), { status: 409, code: 'commission_plan_exists' })
  t.strictSame(await countRows(service), before)
})

const rule = { rate: '10' }
const faults: readonly (readonly [change: object, pointer: string, detail: RegExp | string])[] = [
  [{ id: 'default' }, '/id', 'The id default is reserved.'],
  [{ name: '' }, '/name', /character/],
  [{ effective_from: '2024-02-30' }, '/effective_from', /a date such as/],
  [{ effective_from: '2024-01-01T00:00:00Z' }, '/effective_from', /a date such as/],
  [{ hold_days: -1 }, '/hold_days', /at least 0/],
  [{ hold_days: 3651 }, '/hold_days', /at most 3,650/],
  [{ hold_days: 1.5 }, '/hold_days', /whole number/],
  [{ rules: [] }, '/rules', /at least 1 item/],
  [{ rules: Array.from({ length: 101 }, () => rule) }, '/rules', /at most 100 items/],
  [{ rules: [{}] }, '/rules/0', 'The rule needs a rate or a flat amount.'],
  [
    { rules: [rule, { rate: '1', flat: { amount: 1, currency: 'USD' } }] },
    '/rules/1',
    'The rule has a rate and a flat amount: send one of them.',
  ],
  ...['', '101', '100.1', '-1', '+1', '1e1', '1.', '.5', '12,5', '05', '1.00001', ' 1', '1 %'].map(
    (rate) => [{ rules: [{ rate }] }, '/rules/0/rate', /a percentage as text, such as "12.5"/] as const,
  ),
  [{ rules: [{ rate: 10 }] }, '/rules/0/rate', /text/],
  [
    { rules: [{ flat: { amount: 1.001, currency: 'USD' } }] },
    '/rules/0/flat/amount',
    /An amount in USD has at most 2 decimals/,
  ],
  [{ rules: [{ ...rule, cap: { amount: 0.5, currency: 'JPY' } }] }, '/rules/0/cap/amount', /no decimals/],
  [{ rules: [{ flat: { amount: 0, currency: 'USD' } }] }, '/rules/0/flat/amount', /at least/],
  [{ rules: [{ flat: { amount: 1, currency: 'XXX' } }] }, '/rules/0/flat/currency', /ISO 4217/],
  [{ rules: [{ flat: { amount: 1 } }] }, '/rules/0/flat/currency', 'The field is required.'],
  [{ cap_per_deal: { amount: 0.001, currency: 'USD' } }, '/cap_per_deal/amount', /at most 2 decimals/],
  [{ cap_per_deal: null }, '/cap_per_deal', /object/],
  [{ rules: [{ ...rule, when: { groups: [] } }] }, '/rules/0/when/groups', /at least 1 item/],
  [{ rules: [{ ...rule, when: { groups: ['a', 'a'] } }] }, '/rules/0/when/groups', /twice/],
  [{ rules: [{ ...rule, when: { grups: ['a'] } }] }, '/rules/0/when/grups', 'The field is unknown.'],
  [{ rules: [{ ...rule, when: { models: ['even'] } }] }, '/rules/0/when/models/0', /must be one of equal/],
  [
    { rules: [{ ...rule, when: { touchpoint_types: ['call'] } }] },
    '/rules/0/when/touchpoint_types/0',
    /one of/,
  ],
  [{ rules: [{ ...rule, when: { currencies: ['usd'] } }] }, '/rules/0/when/currencies/0', /ISO 4217/],
  [
    { rules: [{ ...rule, when: { amount_at_least: 1.00001 } }] },
    '/rules/0/when/amount_at_least',
    /4 decimals/,
  ],
  [{ rules: [{ ...rule, when: { amount_at_least: -1 } }] }, '/rules/0/when/amount_at_least', /at least 0/],
  [
    { rules: [{ ...rule, when: { amount_at_least: 10, amount_below: 10 } }] },
    '/rules/0/when/amount_below',
    'No amount is at least 10 and below 10: the rule would fit no deal.',
  ],
  [
    {
      rules: [
        { ...rule, when: { groups: Array.from({ length: 100 }, (_, n) => `${n}`.repeat(48)) } },
      ].flatMap((one) => [one, one, one, one, one, one, one, one]),
    },
    '/rules',
    'The rules are larger than 32 kB.',
  ],
]

t.test('plans and versions with a fault are refused with its place and stored in no part', async (t) => {
  const service = await createApp(t)
  await service.call('POST', '/commission-plans', { id: 'kept', name: 'Kept', ...simple })
  const before = await countRows(service)

  for (const [change, pointer, detail] of faults) {
    const refused = await service.call('POST', '/commission-plans', { ...usual, ...change })
    t.match(refused.json(), { status: 400, code: 'invalid_request', errors: [{ pointer, detail }] }, pointer)
    if (pointer === '/id' || pointer === '/name') continue
    const { id: _, name: __, ...version } = { ...usual, ...change }
    const added = await service.call('POST', '/commission-plans/kept/versions', version)
    t.match(added.json(), { status: 400, errors: [{ pointer, detail }] }, pointer)
  }
  t.strictSame(await countRows(service), before)
})

function naming(...partner_ids: readonly string[]) {
  return { ...simple, rules: [rule, { ...rule, when: { partner_ids } }] }
}

t.test('a rule names registered partners only', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')

  const refused = await service.call('POST', '/commission-plans', { name: 'P', ...naming('p1', 'p2') })
  const taken = await service.call('POST', '/commission-plans', { name: 'P', ...naming('p1') })

  t.match(refused.json(), {
    status: 400,
    code: 'unknown_reference',
    errors: [{ pointer: '/rules/1/when/partner_ids/1', detail: 'No partner has the id p2.' }],
  })
  t.equal(taken.statusCode, 201)
})

t.test(
  'POST /commission-plans/:id/versions adds versions; the latest one again changes nothing',
  async (t) => {
    const service = await createApp(t)
    const { call } = service
    await call('POST', '/commission-plans', usual)

    const added = await call('POST', '/commission-plans/usual/versions', simple)
    const again = await call('POST', '/commission-plans/usual/versions', { hold_days: 0, ...simple })
    const third = await call('POST', '/commission-plans/usual/versions', { ...simple, hold_days: 1 })
    const first = await call('GET', '/commission-plans/usual?limit=2')
    const { next_cursor } = first.json<{ pagination: { next_cursor: string } }>().pagination
    const second = await call('GET', `/commission-plans/usual?limit=2&cursor=${next_cursor}`)

    t.match([added.statusCode, added.json()], [201, { plan: { latest_version: 2 }, version: { version: 2 } }])
    t.match([again.statusCode, again.json()], [200, { version: { version: 2 } }])
    t.match([third.statusCode, third.json()], [201, { version: { version: 3, hold_days: 1 } }])
    t.match(first.json(), { plan: { latest_version: 3 }, versions: [{ version: 3 }, { version: 2 }] })
    t.match(second.json(), { versions: [{ version: 1 }], pagination: { next_cursor: null } })
  },
)

t.test('concurrent versions of a plan are numbered without a gap', async (t) => {
  const service = await createApp(t)
  await service.call('POST', '/commission-plans', usual)

  const made = await Promise.all(
    Array.from({ length: 8 }, (_, hold_days) =>
      service.call('POST', '/commission-plans/usual/versions', { ...simple, hold_days }),
    ),
  )

  const numbers = made.map((answer) => answer.json<{ version: { version: number } }>().version.version)
  t.strictSame(
    numbers.toSorted((a, b) => a - b),
    [2, 3, 4, 5, 6, 7, 8, 9],
  )
})

t.test('the plan full comes with the service and takes no versions; an unknown plan is a 404', async (t) => {
  const { call } = await createApp(t)

  const full = await call('GET', '/commission-plans/full')
  const refused = await call('POST', '/commission-plans/full/versions', simple)
  const unknown = await call('POST', '/commission-plans/nobody/versions', simple)

  t.match(full.json(), {
    plan: { id: 'full', latest_version: 1 },
    versions: [{ effective_from: '1970-01-01', rules: [{ rate: '100' }], hold_days: 0 }],
  })
  t.match(refused.json(), { status: 409, code: 'commission_plan_built_in' })
  t.match(unknown.json(), { status: 404, code: 'commission_plan_not_found' })
  t.match((await call('GET', '/commission-plans/nobody')).json(), { code: 'commission_plan_not_found' })
})

t.test('GET /commission-plans lists plans by id, in pages', async (t) => {
  const { call } = await createApp(t)
  for (const id of ['b', 'z']) await call('POST', '/commission-plans', { id, name: id, ...simple })
  const list = async (query: string) =>
    (await call('GET', `/commission-plans?${query}`)).json<{
      plans: { id: string }[]
      pagination: { next_cursor: string }
    }>()

  const first = await list('limit=2')
  await call('POST', '/commission-plans', { id: 'a', name: 'a', ...simple })
  const second = await list(`limit=2&cursor=${first.pagination.next_cursor}`)

  t.strictSame(
    [first, second].map(({ plans }) => plans.map(({ id }) => id)),
    [['b', 'full'], ['z']],
  )
})

t.test('plans and versions are in the audit and cannot be changed', async (t) => {
  const { call, db } = await createApp(t)
  await call('POST', '/commission-plans', usual)
  await call('POST', '/commission-plans', usual)
  await call('POST', '/commission-plans/usual/versions', simple)
  await call('POST', '/commission-plans/usual/versions', simple)

  const audit = await call('GET', '/audit?subject_kind=commission_plan')

  const { entries } = audit.json<{ entries: readonly object[] }>()
  t.match(entries, [
    {
      action: 'commission_plan.version_added',
      subject_id: 'usual',
      before: { version: 1, effective_from: '2024-01-01', hold_days: 30, rules_count: 3 },
      after: { version: 2, effective_from: '2024-06-01', hold_days: 0, rules_count: 1 },
    },
    { action: 'commission_plan.created', after: { name: 'Usual', version: 1, rules_count: 3 } },
  ])
  t.equal(entries.length, 2)
  await t.rejects(db.updateTable('commission_plan_versions').set({ hold_days: 1 }).execute())
  await t.rejects(db.deleteFrom('commission_plans').execute())
})

t.test('a key without the scope admin reads plans and writes none', async (t) => {
  const { call, db } = await createApp(t)
  const { key } = await issueKey(db, { name: 'writer', scopes: ['write'], rate_limit_max: null })
  const headers = { 'x-api-key': key }

  const read = await call('GET', '/commission-plans/full', undefined, headers)
  const refused = await call('POST', '/commission-plans', usual, headers)

  t.equal(read.statusCode, 200)
  t.match(refused.json(), { status: 403, detail: 'This API key lacks the scope admin.' })
})

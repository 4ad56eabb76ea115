import { sql } from 'kysely'
import t from 'tap'
import { replayDeals } from '../../src/record/replay.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const timestamp = '2024-01-10T12:00:00Z'
const closed_date = '2024-01-20T12:00:00Z'

async function createService(t: Parameters<typeof createApp>[0]): Promise<TestApp> {
  const service = await createApp(t)
  await service.call('POST', '/partners', { id: 'p1', name: 'p1', group: 'gold' })
  await givenPartner(service, 'p2')
  return service
}

async function givenPlan({ call }: TestApp, id: string, rate: string, version: object = {}) {
  const plan = { id, name: id, effective_from: '2024-01-01', rules: [{ rate }], ...version }
  const made = await call('POST', '/commission-plans', plan)
  if (made.statusCode !== 201) throw new Error(made.body)
}

async function setDefault({ call }: TestApp, plan_id: string, from: string) {
  await call('PUT', '/commission-plans/default', { plan_id, from })
}

/** The touchpoints of the deal of SPEC §8, whose role-based split is 80/20. */
async function givenTouches(service: TestApp, deal_id: string) {
  for (const [partner_id, touchpoint_type] of [
    ['p1', 'referral'],
    ['p1', 'closer'],
    ['p2', 'demo'],
  ])
    await givenEvent(service, { partner_id, deal_id, touchpoint_type, timestamp })
}

async function closeDeal(service: TestApp, id: string, deal: object = {}) {
  await givenTouches(service, id)
  return service.call('POST', '/deals', {
    id,
    amount: 50_000,
    attribution_model: 'role-based',
    closed_date,
    ...deal,
  })
}

interface Answer {
  readonly deal: {
    readonly version: number
    readonly commission_plan_id: string
    readonly commission_plan_version: number | null
  }
  readonly attribution: {
    readonly attributions: readonly { readonly partner_id: string; readonly commission: number }[]
  }
}

function read(answer: { json: () => Answer }) {
  const { deal, attribution } = answer.json()
  const { commission_plan_id, commission_plan_version } = deal
  const owed = attribution.attributions.map(({ partner_id, commission }) => [partner_id, commission])
  return { plan: [commission_plan_id, commission_plan_version], owed: Object.fromEntries(owed) }
}

/** The commissions that a read of the split shows. */
async function readOwed({ call }: TestApp, id: string) {
  const attribution = (await call('GET', `/attribution/${id}`)).json<Answer['attribution']>()
  return Object.fromEntries(
    attribution.attributions.map(({ partner_id, commission }) => [partner_id, commission]),
  )
}

async function readVersions({ db }: TestApp, id: string) {
  const { rows } = await sql<{ version: number; split_version: number; plan: string; owed: bigint }>`
    select version, split_version, plan_id || ' ' || coalesce(plan_version::text, '-') as plan, commission_minor as owed
    from commission_versions where deal_id = ${id} order by version`.execute(db)
  return rows.map(({ version, split_version, plan, owed }) => [version, split_version, plan, owed])
}

t.test('a deal takes the plan that its client names, the default of its day, or full', async (t) => {
  const service = await createService(t)
  await givenPlan(service, 'twelve', '12')
  await givenPlan(service, 'ten', '10')
  await setDefault(service, 'ten', '2024-01-15')

  const named = await closeDeal(service, 'named', { commission_plan_id: 'twelve' })
  const byDefault = await closeDeal(service, 'default')
  const before = await closeDeal(service, 'before', { closed_date: '2024-01-14' })

  t.strictSame(read(named), { plan: ['twelve', 1], owed: { p1: 4800, p2: 1200 } })
  t.strictSame(read(byDefault), { plan: ['ten', 1], owed: { p1: 4000, p2: 1000 } })
  t.strictSame(read(before), { plan: ['full', 1], owed: { p1: 40_000, p2: 10_000 } })
  for (const [id, answer] of Object.entries({ named, default: byDefault, before }))
    t.strictSame(await readOwed(service, id), read(answer).owed, id)
})

t.test('a late touchpoint makes a commission beside the version of the split', async (t) => {
  const service = await createService(t)
  await givenPlan(service, 'twelve', '12')
  await closeDeal(service, 'd1', { commission_plan_id: 'twelve' })

  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', touchpoint_type: 'support', timestamp })

  // golden: 35,294.12 and 14,705.88.
  t.strictSame(await readOwed(service, 'd1'), { p1: 4235.29, p2: 1764.71 })
  t.strictSame(await readVersions(service, 'd1'), [
    [1, 1, 'twelve 1', 600_000n],
    [2, 2, 'twelve 1', 600_000n],
  ])
})

t.test('a plan is picked again only if the plan or the day of the deal changes', async (t) => {
  const service = await createService(t)
  await givenPlan(service, 'twelve', '12')
  await givenPlan(service, 'ten', '10')
  await setDefault(service, 'twelve', '2024-01-15')
  await closeDeal(service, 'd1')
  await service.call('POST', '/commission-plans/twelve/versions', {
    effective_from: '2024-01-01',
    rules: [{ rate: '20' }],
  })
  await setDefault(service, 'ten', '2024-01-16')
  const patch = async (change: object) => read(await service.call('PATCH', '/deals/d1', change))

  t.strictSame((await patch({ amount: 60_000 })).plan, ['twelve', 1])
  t.strictSame((await patch({ name: 'D', commission_plan_id: 'twelve' })).plan, ['twelve', 1])
  t.strictSame(await patch({ commission_plan_id: 'ten' }), { plan: ['ten', 1], owed: { p1: 4800, p2: 1200 } })
  t.strictSame(await patch({ commission_plan_id: 'twelve' }), {
    plan: ['twelve', 2],
    owed: { p1: 9600, p2: 2400 },
  })
  t.strictSame((await patch({ commission_plan_id: null })).plan, ['ten', 1])
  t.strictSame((await patch({ closed_date: '2024-01-15' })).plan, ['twelve', 2])
  t.strictSame((await patch({ closed_date: '2023-12-31' })).plan, ['full', 1])
  t.strictSame(await readVersions(service, 'd1'), [
    [1, 1, 'twelve 1', 600_000n],
    [2, 2, 'twelve 1', 720_000n],
    [3, 2, 'ten 1', 600_000n],
    [4, 2, 'twelve 2', 1_200_000n],
    [5, 2, 'ten 1', 600_000n],
    [6, 3, 'twelve 2', 1_200_000n],
    // Every touchpoint is after the close.
    [7, 4, 'full 1', 0n],
  ])
})

t.test('a change of the plan alone makes no version of the split', async (t) => {
  const service = await createService(t)
  await givenPlan(service, 'ten', '10')
  await closeDeal(service, 'd1')

  const changed = await service.call('PATCH', '/deals/d1', { commission_plan_id: 'ten' })

  t.strictSame(read(changed), { plan: ['ten', 1], owed: { p1: 4000, p2: 1000 } })
  t.equal(changed.json<Answer>().deal.version, 1)
  t.strictSame(await readOwed(service, 'd1'), { p1: 4000, p2: 1000 })
})

t.test('a deal without a version in force owes nothing, and a void deal nobody', async (t) => {
  const service = await createService(t)
  await givenPlan(service, 'later', '12', { effective_from: '2024-02-01' })

  const closed = await closeDeal(service, 'd1', { commission_plan_id: 'later' })
  await service.call('POST', '/deals/d1/void', { reason: 'test' })

  t.strictSame(read(closed), { plan: ['later', null], owed: { p1: 0, p2: 0 } })
  t.strictSame(await readVersions(service, 'd1'), [
    [1, 1, 'later -', 0n],
    [2, 2, 'later -', 0n],
  ])
})

t.test('an unknown plan is refused and changes nothing', async (t) => {
  const service = await createService(t)
  const refusal = {
    status: 400,
    code: 'unknown_reference',
    errors: [{ pointer: '/commission_plan_id', detail: 'No commission plan has the id nobody.' }],
  }

  t.match((await closeDeal(service, 'd1', { commission_plan_id: 'nobody' })).json(), refusal)
  await closeDeal(service, 'd2')
  t.match((await service.call('PATCH', '/deals/d2', { commission_plan_id: 'nobody' })).json(), refusal)

  const { rows } = await sql`select 1 from commission_versions`.execute(service.db)
  t.equal(rows.length, 1)
})

t.test('a plan reads the group of a partner, and keeps it with the line', async (t) => {
  const service = await createService(t)
  // A change counts for later closes only.
  await service.call('PATCH', '/partners/p1', { group: 'silver' })
  await service.call('PATCH', '/partners/p2', { group: 'gold' })
  await givenPlan(service, 'groups', '1', {
    rules: [{ when: { groups: ['gold'] }, rate: '20' }, { rate: '10' }],
  })

  const closed = await closeDeal(service, 'd1', { commission_plan_id: 'groups' })

  t.strictSame(read(closed).owed, { p1: 8000, p2: 1000 })
  const { rows } =
    await sql`select partner_id, rule, partner_group from commission_lines order by partner_id`.execute(
      service.db,
    )
  t.strictSame(rows, [
    { partner_id: 'p1', rule: 0, partner_group: 'gold' },
    { partner_id: 'p2', rule: 1, partner_group: null },
  ])
})

t.test('replayDeals computes commissions again and names one that differs', async (t) => {
  const service = await createService(t)
  const rules = [
    { when: { groups: ['gold'], touchpoint_types: ['closer'] }, rate: '33.3333' },
    { rate: '7.7' },
  ]
  await givenPlan(service, 'mixed', '1', { rules })
  await closeDeal(service, 'd1', { commission_plan_id: 'mixed', amount: 1000.03 })
  await service.call('PATCH', '/partners/p1', { group: null })
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', touchpoint_type: 'support', timestamp })
  await service.call('PATCH', '/deals/d1', { commission_plan_id: null })
  await service.call('POST', '/deals/d1/void', { reason: 'test' })
  const replay = () => replayDeals(service.db, { after: '', limit: 100 })

  t.strictSame((await replay()).differences, [])
  const owner = connectAsOwner(t, service.url)
  await sql`alter table commission_lines disable trigger all`.execute(owner)
  await sql`update commission_lines set commission_minor = commission_minor + 1 where version = 1 and partner_id = 'p2'`.execute(
    owner,
  )
  t.strictSame((await replay()).differences, [
    { deal_id: 'd1', version: 1, detail: 'the commission of p2 is not that of the plan' },
  ])
})

t.test('the database refuses a commission that does not add up, and a line that comes later', async (t) => {
  const service = await createService(t)
  await closeDeal(service, 'd1')
  await givenDeal(service, { id: 'none' })
  const record = (commission: object, lines: readonly object[]) =>
    sql`select record_commissions(${JSON.stringify([
      {
        deal_id: 'd1',
        version: 2,
        split_version: 1,
        plan_id: 'full',
        plan_version: 1,
        commission_minor: '300',
        cause: {},
        currency: 'USD',
        closed_on: '2024-01-20',
        effective_on: '2024-01-20',
        is_redated: false,
        lines,
        ...commission,
      },
    ])}, date_trunc('milliseconds', clock_timestamp()))`.execute(service.db)
  const [p1, p2] = [100, 200].map((commission_minor, n) => ({ partner_id: `p${n + 1}`, commission_minor }))

  await t.rejects(record({}, [p1 as object]), /does not add up/)
  await t.rejects(record({ commission_minor: '301' }, [p1 as object, p2 as object]), /does not add up/)
  await t.rejects(record({}, [p1 as object, { ...p2, partner_id: 'p3' }]), /does not add up/)
  await t.rejects(record({ split_version: 9 }, []), /commission_versions_split_known/)
  await t.resolves(record({}, [p1 as object, p2 as object]))
  await t.rejects(
    sql`insert into commission_lines (deal_id, version, partner_id, commission_minor) values ('d1', 2, 'p9', 0)`.execute(
      service.db,
    ),
    /cannot join a commission/,
  )
})

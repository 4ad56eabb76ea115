import { sql } from 'kysely'
import t from 'tap'
import { createTimeZoneConfirmation } from '../../src/database/time-zone.ts'
import { applyToNextDeals, createPlanApplying } from '../../src/jobs/apply-plans.ts'
import { createRecord } from '../../src/record/record.ts'
import { replayDeals } from '../../src/record/replay.ts'
import { verifyRollups } from '../../src/rollups/verify.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

function applyingOf({ db, calendar }: TestApp) {
  return { record: createRecord({ calendar }), confirmTimeZone: createTimeZoneConfirmation(db, 'UTC') }
}

async function givenPlan({ call }: TestApp, rate: string, id = 'ten') {
  const plan = { id, name: id, effective_from: '2024-01-01', rules: [{ rate }] }
  const made = await call('POST', '/commission-plans', plan)
  if (made.statusCode !== 201) throw new Error(made.body)
}

async function givenClosed(service: TestApp, days: Readonly<Record<string, string>>, deal: object = {}) {
  for (const [id, day] of Object.entries(days)) {
    const timestamp = `${day}T10:00:00Z`
    await givenEvent(service, { partner_id: 'p1', deal_id: id, timestamp })
    await givenDeal(service, { id, amount: 100, closed_date: `${day}T12:00:00Z`, ...deal })
  }
}

async function createService(test: Parameters<typeof createApp>[0]): Promise<TestApp> {
  const service = await createApp(test)
  await givenPartner(service, 'p1')
  return service
}

function apply({ call }: TestApp, start_date: string, end_date: string, id = 'ten') {
  return call('POST', `/commission-plans/${id}/apply`, { start_date, end_date })
}

async function readPlans({ db }: TestApp) {
  const { rows } = await sql<{ id: string; plan: string; owed: string }>`
    select id, commission_plan_id || ' ' || commission_plan_version as plan, commission_minor as owed
    from deals join commission_versions on deal_id = id and commission_versions.version = commission_version
    order by id`.execute(db)
  return Object.fromEntries(rows.map(({ id, plan, owed }) => [id, [plan, Number(owed)]]))
}

t.test('a job gives the deals of a period the plan that was applied to it', async (t) => {
  const service = await createService(t)
  const { call } = service
  await givenClosed(service, {
    before: '2024-01-31',
    first: '2024-02-01',
    last: '2024-02-29',
    after: '2024-03-01',
  })
  await givenClosed(service, { void: '2024-02-10' })
  await call('POST', '/deals/void/void', { reason: 'fell through' })
  await givenPlan(service, '10')

  const answer = await apply(service, '2024-02-01', '2024-02-29')
  await createPlanApplying(service.db, applyingOf(service))()
  const listed = await call('GET', '/commission-plans/ten/applications')
  const history = await call('GET', '/deals/first/commission/history')
  const audit = await call('GET', '/audit?limit=1')

  t.equal(answer.statusCode, 202)
  t.match(answer.json(), {
    application: { plan_id: 'ten', deals_done: 0, deals_changed: 0, finished_at: null },
  })
  t.strictSame(await readPlans(service), {
    after: ['full 1', 10_000],
    before: ['full 1', 10_000],
    first: ['ten 1', 1000],
    last: ['ten 1', 1000],
    void: ['full 1', 0],
  })
  t.match(listed.json(), {
    applications: [{ start_date: '2024-02-01', end_date: '2024-02-29', deals_done: 2, deals_changed: 2 }],
  })
  t.notOk(listed.body.includes('"finished_at":null'))
  t.match(history.json(), {
    versions: [
      { version: 1, plan_id: 'full' },
      {
        version: 2,
        split_version: 1,
        plan_id: 'ten',
        cause: { note: 'The plan ten was applied to the deals of 2024-02-01 to 2024-02-29.' },
      },
    ],
  })
  t.match(audit.json(), {
    entries: [{ action: 'commission_plan.applied', subject_id: 'ten', after: { start_date: '2024-02-01' } }],
  })
  t.match(await replayDeals(service.db, { after: '', limit: 100 }), { differences: [] })
  t.ok((await verifyRollups(service.db)).every(({ differing }) => differing === 0))
})

t.test('an application takes a version that was added after the deals closed', async (t) => {
  const service = await createService(t)
  await givenPlan(service, '10')
  await givenClosed(service, { d1: '2024-02-01' }, { commission_plan_id: 'ten' })
  const version = { effective_from: '2024-01-15', rules: [{ rate: '20' }] }
  await service.call('POST', '/commission-plans/ten/versions', version)

  await service.call('PATCH', '/deals/d1', { commission_plan_id: 'ten' })
  t.strictSame(await readPlans(service), { d1: ['ten 1', 1000] })
  await apply(service, '2024-02-01', '2024-02-01')
  await createPlanApplying(service.db, applyingOf(service))()

  t.strictSame(await readPlans(service), { d1: ['ten 2', 2000] })
})

t.test('instances that run the job at once apply each plan once, in the order of the requests', async (t) => {
  const service = await createService(t)
  const days = Array.from({ length: 120 }, (_, n) => [
    `d${n}`,
    `2024-02-${String(1 + (n % 28)).padStart(2, '0')}`,
  ])
  await givenClosed(service, Object.fromEntries(days))
  await givenPlan(service, '10')
  await givenPlan(service, '20', 'twenty')
  await apply(service, '2024-02-01', '2024-02-29')
  await apply(service, '2024-02-01', '2024-02-29', 'twenty')

  const run = async () => {
    while (await applyToNextDeals(service.db, applyingOf(service)));
  }
  await Promise.all([run(), run(), run()])

  const plans = Object.values(await readPlans(service))
  t.equal(plans.length, 120)
  t.ok(plans.every(([plan, owed]) => plan === 'twenty 1' && owed === 2000))
  for (const id of ['ten', 'twenty'])
    t.match((await service.call('GET', `/commission-plans/${id}/applications`)).json(), {
      applications: [{ deals_done: 120, deals_changed: 120 }],
    })
  const { rows } = await sql<{ versions: number }>`
    select max(version) as versions from commission_versions`.execute(service.db)
  t.strictSame(rows, [{ versions: 3 }])
})

t.test('an application of an unknown plan, a reversed period or too many are refused', async (t) => {
  const service = await createService(t)
  await givenPlan(service, '10')

  t.match((await apply(service, '2024-02-01', '2024-02-29', 'none')).json(), {
    status: 404,
    code: 'commission_plan_not_found',
  })
  t.match((await apply(service, '2024-02-02', '2024-02-01')).json(), {
    status: 400,
    errors: [{ pointer: '/end_date', detail: 'The period ends before it starts.' }],
  })
  t.match((await service.call('GET', '/commission-plans/none/applications')).json(), { status: 404 })
  for (let n = 0; n < 20; n += 1) await apply(service, '2024-02-01', '2024-02-29')
  t.match((await apply(service, '2024-02-01', '2024-02-29')).json(), {
    status: 409,
    code: 'too_many_plan_applications',
  })
})

t.test('GET /commission-plans/:id/applications lists the newest first, in pages', async (t) => {
  const service = await createService(t)
  await givenPlan(service, '10')
  for (const day of ['2024-02-01', '2024-02-02', '2024-02-03']) await apply(service, day, day)

  const read = async (query: string) => {
    const answer = await service.call('GET', `/commission-plans/ten/applications?${query}`)
    return answer.json<{
      applications: { start_date: string }[]
      pagination: { next_cursor: string | null }
    }>()
  }
  const first = await read('limit=2')
  const second = await read(`limit=2&cursor=${first.pagination.next_cursor}`)

  t.strictSame(
    [...first.applications, ...second.applications].map(({ start_date }) => start_date),
    ['2024-02-03', '2024-02-02', '2024-02-01'],
  )
  t.equal(second.pagination.next_cursor, null)
})

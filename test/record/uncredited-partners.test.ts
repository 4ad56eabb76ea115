import t from 'tap'
import { replayDeals } from '../../src/record/replay.ts'
import type { ExplainedAttribution } from '../../src/splits/explanation-schemas.ts'
import type { Attribution } from '../../src/splits/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenChange, givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const timestamp = '2024-01-02T00:00:00Z'
const leave = { status: 'inactive', credit_after_leaving: false } as const

/** Deals that `stays` and `leaves` touched, by id, with the dates on which they close. */
async function givenDeals(service: TestApp, closes: Readonly<Record<string, string>>) {
  for (const [deal_id, closed_date] of Object.entries(closes)) {
    for (const partner_id of ['stays', 'leaves'])
      await givenEvent(service, { id: `${deal_id}-${partner_id}`, partner_id, deal_id, timestamp })
    await givenDeal(service, { id: deal_id, closed_date })
  }
}

async function givenPartners(service: TestApp) {
  await givenPartner(service, 'leaves')
  await givenPartner(service, 'stays')
}

async function readSplit({ call }: TestApp, id: string) {
  const { attributions, version } = (await call('GET', `/attribution/${id}`)).json<Attribution>()
  return { version, credited: attributions.map(({ partner_id }) => partner_id) }
}

const both = ['leaves', 'stays']

t.test('a partner that left without credit has none in deals that close on a later day', async (t) => {
  const service = await createApp(t, { config: { TIME_ZONE: 'America/New_York' } })
  await givenPartners(service)
  // Ten in the evening of 10 March in New York, where the clocks changed on that day.
  await givenChange(service, 'leaves', '2024-03-11T02:00:00Z', leave)

  await givenDeals(service, {
    'same-day': '2024-03-10',
    'same-evening': '2024-03-11T03:59:59.999Z',
    'next-day': '2024-03-11T04:00:00Z',
    'next-whole-day': '2024-03-11',
  })

  t.strictSame(await readSplit(service, 'same-day'), { version: 1, credited: both })
  t.strictSame(await readSplit(service, 'same-evening'), { version: 1, credited: both })
  t.strictSame(await readSplit(service, 'next-day'), { version: 1, credited: ['stays'] })
  t.strictSame(await readSplit(service, 'next-whole-day'), { version: 1, credited: ['stays'] })
  const explained = await service.call('GET', '/attribution/next-day?explain=true')
  t.match(explained.json(), {
    unattributed: 0,
    attributions: [{ partner_id: 'stays', payout: 100 }],
    explanation: { excluded: [{ event_id: 'next-day-leaves', reason: 'partner_left' }] },
  })
})

t.test('each change of a partner counts for later closes only', async (t) => {
  const service = await createApp(t)
  await givenPartners(service)
  const closes = { d10: '2024-03-10', d15: '2024-03-15', d25: '2024-03-25', d35: '2024-04-05' }
  await givenDeals(service, closes)
  await givenChange(service, 'leaves', '2024-03-10T12:00:00Z', { status: 'inactive' })
  await givenChange(service, 'leaves', '2024-03-20T12:00:00Z', { credit_after_leaving: false })
  await givenChange(service, 'leaves', '2024-04-01T12:00:00Z', { status: 'active' })

  t.strictSame(await readSplit(service, 'd10'), { version: 1, credited: both })
  t.strictSame(await readSplit(service, 'd15'), { version: 1, credited: both })
  t.strictSame(await readSplit(service, 'd25'), { version: 2, credited: ['stays'] })
  t.strictSame(await readSplit(service, 'd35'), { version: 3, credited: both })
})

t.test(
  'a later version of a deal uses what was in force on its closed_on, and picks again when that is amended',
  async (t) => {
    const service = await createApp(t)
    await givenPartners(service)
    await givenDeals(service, { d1: '2024-03-10' })
    await givenChange(service, 'leaves', '2024-03-10T12:00:00Z', leave)

    await givenEvent(service, { partner_id: 'stays', deal_id: 'd1', timestamp: '2024-01-03' })
    const late = await readSplit(service, 'd1')
    await service.call('PATCH', '/deals/d1', { closed_date: '2024-03-11' })
    const amended = await readSplit(service, 'd1')
    await service.call('PATCH', '/deals/d1', { closed_date: '2024-03-09' })

    t.strictSame(late, { version: 2, credited: both })
    t.strictSame(amended, { version: 3, credited: ['stays'] })
    t.strictSame(await readSplit(service, 'd1'), { version: 4, credited: both })
    t.strictSame(await replayDeals(service.db, { after: '', limit: 10 }), {
      versions: 4,
      differences: [],
      next: undefined,
    })
  },
)

t.test('the agreed percentage of a partner without credit is unattributed', async (t) => {
  const service = await createApp(t)
  await givenPartners(service)
  await givenChange(service, 'leaves', '2024-03-10T12:00:00Z', leave)
  const shares = [
    { partner_id: 'leaves', percentage: 30 },
    { partner_id: 'stays', percentage: 60 },
  ]
  const agreed = { attribution_model: 'agreed', model_parameters: { shares } }

  await givenDeal(service, { id: 'before', closed_date: '2024-03-10', ...agreed })
  await givenDeal(service, { id: 'after', closed_date: '2024-03-11', ...agreed })

  t.match((await service.call('GET', '/attribution/before')).json(), {
    unattributed: 10,
    attributions: [
      { partner_id: 'stays', payout: 60 },
      { partner_id: 'leaves', payout: 30 },
    ],
  })
  t.match((await service.call('GET', '/attribution/after')).json(), {
    unattributed: 40,
    attributions: [{ partner_id: 'stays', percentage: 60, payout: 60 }],
  })
  t.match((await replayDeals(service.db, { after: '', limit: 10 })).differences, [])
})

t.test('a touchpoint of a partner without credit makes no version and is explained at once', async (t) => {
  const service = await createApp(t)
  await givenPartners(service)
  await givenChange(service, 'leaves', '2024-03-10T12:00:00Z', leave)
  await givenEvent(service, { id: 'e1', partner_id: 'stays', deal_id: 'd1', timestamp })
  await givenDeal(service, { id: 'd1', closed_date: '2024-03-11' })
  const explain = async (asOf = '') =>
    (await service.call('GET', `/attribution/d1?explain=true${asOf}`)).json<ExplainedAttribution>()

  const before = await explain()
  await givenEvent(service, { id: 'e2', partner_id: 'leaves', deal_id: 'd1', timestamp })
  const after = await explain()
  await service.call('POST', '/events/e2/void', { reason: 'mistaken' })
  const voided = await explain()

  t.strictSame([before.version, after.version, voided.version], [1, 1, 1])
  t.strictSame(before.explanation?.excluded, [])
  t.match(after.explanation?.excluded, [{ event_id: 'e2', reason: 'partner_left' }])
  t.match(voided.explanation?.excluded, [{ event_id: 'e2', reason: 'voided' }])
  t.strictSame(await explain(`&as_of=${before.calculated_at}`), before)
})

t.test('comparisons, simulations and what-ifs give a partner without credit none', async (t) => {
  const service = await createApp(t)
  await givenPartners(service)
  await givenChange(service, 'leaves', '2024-03-10T12:00:00Z', leave)
  await givenDeals(service, { d1: '2024-03-11' })
  const events = both.map((partner_id) => ({ partner_id, touchpoint_type: 'demo', timestamp }))
  const simulate = (closed_date: string) =>
    service.call('POST', '/attribution/simulate', {
      amount: 100,
      attribution_model: 'equal',
      closed_date,
      events,
    })

  const { models } = (await service.call('GET', '/attribution/d1/compare')).json<{ models: object[] }>()
  const scenario = await service.call('POST', '/analytics/what-if', {
    start_date: '2024-03-11',
    end_date: '2024-03-11',
    attribution_model: 'first-touch',
  })

  for (const model of models) t.match(model, { attributions: [{ partner_id: 'stays', payout: 100 }] })
  t.match((await simulate('2024-03-11')).json(), { attributions: [{ partner_id: 'stays', payout: 100 }] })
  t.match((await simulate('2024-03-10')).json(), { attributions: [{ payout: 50 }, { payout: 50 }] })
  const partners = [
    { partner_id: 'leaves', payout_now: 0, payout_proposed: 0 },
    { partner_id: 'stays', payout_now: 100, payout_proposed: 100 },
  ]
  t.match(scenario.json(), { partners })
})

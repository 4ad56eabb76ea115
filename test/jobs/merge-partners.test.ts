import { sql } from 'kysely'
import t from 'tap'
import { mergeNextDeal } from '../../src/jobs/merge-partners.ts'
import { createRecord, type DealRecord } from '../../src/record/record.ts'
import type { AttributionVersion } from '../../src/splits/schemas.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { correct, listFaults } from '../support/corrections.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

type Tap = Parameters<typeof createApp>[0]

const calendar = createCalendar('UTC')
const record = createRecord({ calendar })
const shares = [
  { partner_id: 'p1', percentage: 20 },
  { partner_id: 'p2', percentage: 30.5 },
]
const agreed = { attribution_model: 'agreed', model_parameters: { shares } }
const late = '2024-03-01T00:00:00Z'

function mergeNext({ db }: TestApp, how: DealRecord = record): Promise<boolean> {
  return mergeNextDeal(db, { calendar, record: how, confirmTimeZone: async () => {} })
}

async function mergeAll(service: TestApp): Promise<void> {
  while (await mergeNext(service));
}

/** Deals of every kind with p1 on them. */
async function givenDeals(t: Tap): Promise<TestApp> {
  const service = await createApp(t)
  const { call } = service
  for (const id of ['p1', 'p2', 'p3']) await givenPartner(service, id)
  const touch = (id: string, event: object = {}) =>
    givenEvent(service, {
      id,
      partner_id: 'p1',
      deal_id: id.slice(0, 2),
      timestamp: '2024-01-01T00:00:00Z',
      ...event,
    })
  await touch('d1-a')
  await touch('d1-b', { partner_id: 'p2', touchpoint_type: 'demo' })
  await touch('d1-late', { timestamp: late })
  await touch('d1-void')
  await call('POST', '/events/d1-void/void', { reason: 'mistaken' })
  await touch('d2-a')
  await touch('d3-a')
  await touch('d5-a')
  const close = { closed_date: '2024-01-20T09:00:00Z' }
  await givenDeal(service, { id: 'd1', ...close })
  await givenDeal(service, { id: 'd2', ...close, ...agreed })
  await givenDeal(service, { id: 'd4', ...close, ...agreed })
  await givenDeal(service, { id: 'd5', ...close, ...agreed })
  await call('POST', '/deals/d5/void', { reason: 'canceled' })
  return service
}

const merge = ({ call }: TestApp, id = 'p1', into = 'p2') =>
  call('POST', `/partners/${id}/merge`, { into, reason: 'one company' })

/** All that clients can read of the deals, without instants. */
async function readAll({ call }: TestApp) {
  const paths = ['d1', 'd2', 'd4', 'd5'].map((id) => `/attribution/${id}/history`)
  const texts = []
  for (const path of [
    ...paths,
    '/events',
    '/deals',
    '/deals?partner_id=p1',
    '/deals?partner_id=p2',
    '/analytics',
  ])
    texts.push((await call('GET', path)).body.replaceAll(/"20\d\d-1\d-[^"]*Z"|"key_[^"]*"/g, '""'))
  return texts
}

async function splitOf({ call }: TestApp, dealId: string) {
  const { attributions, version } = (await call('GET', `/attribution/${dealId}`)).json<AttributionVersion>()
  return [
    version,
    ...attributions.map(({ partner_id, percentage, role }) => [partner_id, percentage, role].join(' ')),
  ]
}

async function partnersOf({ call }: TestApp, dealId: string) {
  const { events } = (await call('GET', `/events?deal_id=${dealId}`)).json<{
    events: { partner_id: string }[]
  }>()
  return [...new Set(events.map(({ partner_id }) => partner_id))]
}

t.test('a merge gives the other partner all touchpoints and agreed percentages', async (t) => {
  const service = await givenDeals(t)
  const { call } = service

  const answer = await merge(service)
  await mergeAll(service)

  t.equal(answer.statusCode, 202)
  t.match(answer.json(), { merge: { partner_id: 'p1', into: 'p2', deals_moved: 0, finished_at: null } })
  t.match((await call('GET', '/partners/p1/merge')).json(), {
    merge: { deals_total: 5, deals_moved: 5, finished_at: /Z$/, reason: 'one company' },
  })
  t.match((await call('GET', '/partners/p1')).json(), {
    partner: { merged_into: 'p2', status: 'inactive', left_at: /Z$/ },
    stats: { total_deals: 0 },
  })
  t.strictSame(await splitOf(service, 'd1'), [2, 'p2 100 demo, referral'])
  t.strictSame(await splitOf(service, 'd2'), [2, 'p2 50.5 referral'])
  t.strictSame(await splitOf(service, 'd4'), [2, 'p2 50.5 '])
  t.strictSame(await splitOf(service, 'd5'), [2])
  for (const id of ['d1', 'd2', 'd3', 'd5']) t.strictSame(await partnersOf(service, id), ['p2'], id)
  const { versions } = (await call('GET', '/attribution/d1/history')).json<{
    versions: AttributionVersion[]
  }>()
  t.match(versions[1], {
    reason: 'partner_merged',
    cause: { merged_partner_id: 'p1', note: 'one company', event_ids: ['d1-a', 'd1-late', 'd1-void'] },
  })
  t.strictSame(await listFaults(service), [])
  await call('POST', '/deals/d5/reinstate', { reason: 'it was not' })
  t.strictSame(await splitOf(service, 'd5'), [3, 'p2 50.5 referral'])
  t.match((await call('GET', '/deals?partner_id=p1')).json(), { deals: [] })
  t.strictSame(await listFaults(service), [])
  t.match((await call('GET', '/audit?action=partner.merged')).json(), {
    entries: [{ subject_id: 'p1', after: { merged_into: 'p2' }, note: 'one company' }],
  })
})

t.test('what is sent for a merged partner means the other one, through two merges', async (t) => {
  const service = await givenDeals(t)
  const { call } = service
  await merge(service)
  await mergeAll(service)
  await merge(service, 'p2', 'p3')
  await mergeAll(service)
  const event = {
    partner_id: 'p1',
    deal_id: 'd6',
    touchpoint_type: 'demo',
    timestamp: '2024-01-02T00:00:00Z',
  }

  const one = await call('POST', '/events', { ...event, id: 'd6-a' })
  const again = await call('POST', '/events', { ...event, id: 'd6-a' })
  const batch = await call('POST', '/events/batch', {
    events: [
      { ...event, id: 'd6-b' },
      { ...event, id: 'd6-c', partner_id: 'p3' },
      { ...event, id: 'd1-c', deal_id: 'd1', partner_id: 'p2' },
    ],
  })
  const lines = ['d6-d', 'd6-e'].map((id) => JSON.stringify({ ...event, id })).join('\n')
  const headers = { 'x-api-key': service.key, 'content-type': 'application/x-ndjson' }
  const imported = await service.app.inject({
    method: 'POST',
    url: '/events/import',
    headers,
    payload: lines,
  })
  const [same] = await correct(service, { id: 'd1-a', change: { partner_id: 'p1' } })
  await givenDeal(service, { id: 'd7', ...agreed })
  await call('PATCH', '/deals/d7', { model_parameters: { shares: [{ partner_id: 'p2', percentage: 7 }] } })

  t.match([one.statusCode, one.json()], [201, { event: { partner_id: 'p3' } }])
  t.match([again.statusCode, again.json()], [200, { event: { partner_id: 'p3' } }])
  t.match(batch.json(), { accepted: 3, duplicates: 0 })
  t.match(imported.json(), { accepted: 2, refused: 0 })
  t.match(same, { isChanged: false })
  t.strictSame(await partnersOf(service, 'd6'), ['p3'])
  t.strictSame(await splitOf(service, 'd1'), [4, 'p3 100 demo, referral'])
  t.strictSame(await splitOf(service, 'd7'), [2, 'p3 7 '])
  t.match((await call('GET', '/partners/p1')).json(), { partner: { merged_into: 'p3' } })
  t.strictSame(await listFaults(service), [])
})

t.test('a void deal that is declared as it was before a merge does not change', async (t) => {
  const service = await givenDeals(t)
  await merge(service)
  await mergeAll(service)
  const declared = { amount: 100, closed_date: '2024-01-20T09:00:00Z', ...agreed }

  const [isVoid, isLive] = [
    await service.call('PUT', '/deals/d5', declared),
    await service.call('PUT', '/deals/d4', declared),
  ]
  const changed = await service.call('PUT', '/deals/d5', { ...declared, amount: 200 })

  t.strictSame([isVoid.statusCode, isLive.statusCode, changed.statusCode], [200, 200, 409])
  t.match(isVoid.json(), { deal: { version: 2, model_parameters: { shares } } })
})

t.test('a merge that cannot be is refused and changes nothing', async (t) => {
  const service = await givenDeals(t)
  const { call } = service
  await givenPartner(service, 'p4')
  const refusal = async (id: string, into: string) => {
    const { status, code, detail } = (await merge(service, id, into)).json<Record<string, unknown>>()
    return [status, code, detail]
  }

  t.match(await refusal('nobody', 'p1'), [404, 'partner_not_found'])
  t.match(await refusal('p1', 'nobody'), [400, 'unknown_reference'])
  t.match(await refusal('p1', 'p1'), [400, 'invalid_request'])
  t.equal((await call('GET', '/partners/p1/merge')).statusCode, 404)
  await merge(service)
  t.match((await merge(service)).json(), { merge: { partner_id: 'p1', into: 'p2' } })
  t.match(await refusal('p1', 'p3'), [409, 'partner_merged', 'Partner p1 was merged into partner p2.'])
  t.match(await refusal('p3', 'p1'), [409, 'partner_merged'])
  t.match(await refusal('p2', 'p3'), [409, 'merge_running'])
  t.match(await refusal('p3', 'p2'), [409, 'merge_running'])
  t.match((await call('PATCH', '/partners/p1', { status: 'inactive' })).json(), { code: 'partner_merged' })
  t.equal((await call('PATCH', '/partners/p1', { name: 'Old' })).statusCode, 200)
  const key = await call('POST', '/api-keys', { name: 'writer', scopes: ['write'] })
  const writer = { 'x-api-key': key.json<{ api_key: { key: string } }>().api_key.key }
  t.equal((await call('POST', '/partners/p3/merge', { into: 'p4', reason: 'x' }, writer)).statusCode, 403)
})

t.test('a merge that fails at any of ten points goes on and ends as one that did not', async (t) => {
  const whole = await givenDeals(t)
  await merge(whole)
  await mergeAll(whole)
  const service = await givenDeals(t)
  await merge(service)

  for (let point = 0; point < 10; point++) {
    const failing: DealRecord = {
      async change(trx, ...rest) {
        if (point % 2 === 0) throw new Error('the process ended')
        await record.change(trx, ...rest)
        await sql`select pg_terminate_backend(pg_backend_pid())`.execute(trx)
        throw new Error('the connection has ended')
      },
    }
    await t.rejects(mergeNext(service, failing))
    if (point % 2 === 1) await mergeNext(service)
  }
  await mergeAll(service)

  t.strictSame(await readAll(service), await readAll(whole))
  t.match((await service.call('GET', '/partners/p1/merge')).json(), {
    merge: { deals_total: 5, deals_moved: 5 },
  })
  t.strictSame(await listFaults(service), [])
})

t.test(
  'events that arrive for the merged partner during the merge become those of the other one',
  async (t) => {
    const service = await givenDeals(t)
    const { call } = service
    const send = (n: number) =>
      call('POST', '/events', {
        id: `during-${n}`,
        partner_id: 'p1',
        deal_id: `d${(n % 6) + 1}`,
        touchpoint_type: 'demo',
        timestamp: '2024-01-03T00:00:00Z',
      })

    const early = Array.from({ length: 40 }, (_, n) => send(n))
    const merging = merge(service)
    const later = Array.from({ length: 40 }, (_, n) => send(n + 40))
    await merging
    await Promise.all([mergeAll(service), mergeAll(service), ...later, ...early])
    await mergeAll(service)

    const answers = await Promise.all([...early, ...later])
    t.ok(answers.every(({ statusCode }) => statusCode === 201))
    const { rows } = await sql`select partner_id, count(*)::int as count from events
    where id like 'during-%' group by partner_id`.execute(service.db)
    t.strictSame(rows, [{ partner_id: 'p2', count: 80 }])
    t.strictSame(await listFaults(service), [])
  },
)

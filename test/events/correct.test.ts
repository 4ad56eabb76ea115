import { sql } from 'kysely'
import t from 'tap'
import type { Event, EventRevisions } from '../../src/events/schemas.ts'
import type { AttributionVersion } from '../../src/splits/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { correct, correctIn, listFaults } from '../support/corrections.ts'
import { givenDeal, givenEvent, givenPartner, givenTouchpoints } from '../support/fixtures.ts'

const day = (n: number) => `2024-01-${String(n).padStart(2, '0')}T00:00:00.000Z`
const close = { closed_date: '2024-01-20T09:00:00Z' }

async function givenTwoDeals(t: Tap): Promise<TestApp> {
  const service = await createApp(t)
  for (const id of ['p1', 'p2', 'p3']) await givenPartner(service, id)
  await givenEvent(service, { id: 'e1', partner_id: 'p1', deal_id: 'd1', timestamp: day(1) })
  await givenEvent(service, { id: 'e2', partner_id: 'p2', deal_id: 'd1', timestamp: day(2) })
  await givenDeal(service, { id: 'd1', ...close })
  await givenDeal(service, { id: 'd2', ...close })
  return service
}
type Tap = Parameters<typeof createApp>[0]

async function splitOf({ call }: TestApp, dealId: string) {
  const { attributions, version } = (await call('GET', `/attribution/${dealId}`)).json<AttributionVersion>()
  return [
    version,
    ...attributions.map(({ partner_id, payout, role }) => [partner_id, payout, role].join(' ')),
  ]
}

async function dealsOf({ call }: TestApp, partnerId: string) {
  const { deals } = (await call('GET', `/deals?partner_id=${partnerId}`)).json<{ deals: { id: string }[] }>()
  return deals.map(({ id }) => id)
}

async function lastOf({ call }: TestApp, dealId: string) {
  const { versions } = (await call('GET', `/attribution/${dealId}/history`)).json<{
    versions: AttributionVersion[]
  }>()
  return versions.at(-1)
}

t.test('a corrected partner, type and time count from now on, and the revision before stays', async (t) => {
  const service = await givenTwoDeals(t)

  const change = { partner_id: 'p3', touchpoint_type: 'demo', timestamp: day(3) } as const
  const [corrected] = await correct(service, { id: 'e1', change, note: 'it was p3' })

  t.match(corrected, { isChanged: true, event: { ...change, id: 'e1', deal_id: 'd1' } })
  t.match((await service.call('GET', '/events/e1')).json(), { event: { ...change, id: 'e1' } })
  t.strictSame(await splitOf(service, 'd1'), [2, 'p2 50 referral', 'p3 50 demo'])
  t.match(await lastOf(service, 'd1'), {
    reason: 'event_corrected',
    cause: { event_ids: ['e1'], events_count: 1, note: 'it was p3', api_key_ids: ['key_test'] },
  })
  const { revisions } = (await service.call('GET', '/events/e1/revisions')).json<EventRevisions>()
  t.match(revisions, [
    {
      revision: 1,
      partner_id: 'p1',
      timestamp: day(1),
      replaced_by: 'event_corrected',
      note: 'it was p3',
      api_key_id: 'key_test',
    },
    { revision: 2, partner_id: 'p3', timestamp: day(3), replaced_at: null, replaced_by: null },
  ])
  t.equal(revisions[0]?.replaced_at, revisions[1]?.known_at)
  t.strictSame([await dealsOf(service, 'p1'), await dealsOf(service, 'p3')], [[], ['d1']])
  t.strictSame(await listFaults(service), [])
})

t.test('an event that moves to another deal changes both deals', async (t) => {
  const service = await givenTwoDeals(t)

  await correct(service, { id: 'e1', change: { deal_id: 'd2' } })

  t.strictSame(await splitOf(service, 'd1'), [2, 'p2 100 referral'])
  t.strictSame(await splitOf(service, 'd2'), [2, 'p1 100 referral'])
  const [left, joined] = [await lastOf(service, 'd1'), await lastOf(service, 'd2')]
  t.strictSame([left?.reason, left?.calculated_at], [joined?.reason, joined?.calculated_at])
  t.strictSame(await dealsOf(service, 'p1'), ['d2'])
  await correct(service, { id: 'e1', change: { deal_id: 'not-closed' } })
  t.strictSame(await splitOf(service, 'd2'), [3])
  await correct(service, { id: 'e1', change: { deal_id: 'd1' } })
  t.strictSame(await splitOf(service, 'd1'), [3, 'p1 50 referral', 'p2 50 referral'])
  t.strictSame(await listFaults(service), [])
})

t.test('a correction that the split does not read makes no version', async (t) => {
  const service = await givenTwoDeals(t)
  await givenEvent(service, { id: 'late', partner_id: 'p1', deal_id: 'd1', timestamp: day(25) })

  await correct(
    service,
    { id: 'e1', change: { metadata: { source: 'crm' } } },
    { id: 'late', change: { partner_id: 'p3', timestamp: day(26) } },
  )

  t.strictSame(await splitOf(service, 'd1'), [1, 'p1 50 referral', 'p2 50 referral'])
  t.match((await service.call('GET', '/events/e1')).json(), { event: { metadata: { source: 'crm' } } })
  t.strictSame(await dealsOf(service, 'p3'), ['d1'])
  t.strictSame(await listFaults(service), [])
})

t.test('a correction that changes nothing writes nothing', async (t) => {
  const service = await givenTwoDeals(t)
  const change = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'referral', timestamp: day(1) } as const

  const [same] = await correct(service, { id: 'e1', change: { ...change, metadata: null } })

  t.match(same, { isChanged: false, event: { id: 'e1', ...change } })
  const { revisions } = (await service.call('GET', '/events/e1/revisions')).json<EventRevisions>()
  t.equal(revisions.length, 1)
})

t.test('a correction that is refused leaves the others', async (t) => {
  const service = await givenTwoDeals(t)
  const { call, db } = service
  await givenEvent(service, { id: 'void', partner_id: 'p1', deal_id: 'd1', timestamp: day(3) })
  await call('POST', '/events/void/void', { reason: 'sent twice' })
  await call('PATCH', '/partners/p3', { status: 'inactive' })
  await sql`
    insert into past_partner_terms (partner_id, held_until, status, credit_after_leaving)
    values ('p3', '2024-01-02', 'active', true), ('p3', '2024-12-31', 'inactive', true)`.execute(db)
  await givenTouchpoints(service, { deal_id: 'full', count: 5000, partners: 2 })
  await givenTouchpoints(service, { deal_id: 'many', count: 500, partners: 500 })

  const results = await correct(
    service,
    { id: 'unknown', change: { partner_id: 'p1' } },
    { id: 'void', change: { partner_id: 'p2' } },
    { id: 'e1', change: { partner_id: 'p3', timestamp: day(1) } },
    { id: 'e2', change: { partner_id: 'p3' } },
    { id: 'full-0', change: { deal_id: 'd2' } },
    { id: 'full-1', change: { partner_id: 'p1' } },
    { id: 'many-0', change: { partner_id: 'p1' } },
    { id: 'many-1', change: { deal_id: 'full' } },
    { id: 'many-2', change: { partner_id: 'nobody' } },
    { id: 'many-3', change: { partner_id: 'q4' } },
  )

  t.strictSame(
    results.map((result) => ('fault' in result ? [result.refusal.name, result.fault] : result.isChanged)),
    [
      ['FastifyError', { pointer: '', detail: 'There is no such event.' }],
      ['FastifyError', { pointer: '', detail: 'The event is void.' }],
      true,
      [
        'FastifyError',
        { pointer: '/partner_id', detail: 'Partner p3 was inactive at the time of this touchpoint.' },
      ],
      true,
      true,
      ['FastifyError', { pointer: '/deal_id', detail: 'Deal many already has the maximum of 500 partners.' }],
      [
        'FastifyError',
        { pointer: '/deal_id', detail: 'Deal full already has the maximum of 5000 touchpoints.' },
      ],
      ['FastifyError', { pointer: '/partner_id', detail: 'No partner has the id nobody.' }],
      true,
    ],
  )
})

t.test('a deal keeps at most 5,000 earlier revisions', async (t) => {
  const service = await givenTwoDeals(t)
  const { call, db } = service
  await sql`
    insert into event_revisions (event_id, revision, deal_id, partner_id, touchpoint_type, timestamp, known_from,
      known_until, created_at, replaced_at, replaced_by)
    select 'e1', n, 'd1', 'p1', 'demo', now(), 1, 1, now(), now(), 'event_corrected'
    from generate_series(100, 5099) n`.execute(db)

  const [refused] = await correct(service, { id: 'e2', change: { partner_id: 'p1' } })
  await call('POST', '/events/e2/void', { reason: 'mistaken' })
  const reinstated = await call('POST', '/events/e2/reinstate', { reason: 'it counts' })

  t.match(refused, {
    fault: { pointer: '/deal_id', detail: 'Deal d1 already has the maximum of 5000 earlier revisions.' },
  })
  t.match(reinstated.json(), { code: 'deal_full' })
})

t.test(
  'the original submission, sent again after a correction, returns the event as it is now',
  async (t) => {
    const service = await givenTwoDeals(t)
    const sent = { id: 'e3', partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo', timestamp: day(4) }
    await givenEvent(service, { ...sent, metadata: { n: 1 } })
    await correct(service, { id: 'e3', change: { partner_id: 'p2', deal_id: 'd2', metadata: { n: 2 } } })

    const again = await service.call('POST', '/events', { ...sent, metadata: { n: 1 } })
    const other = await service.call('POST', '/events', { ...sent, metadata: { n: 2 } })

    t.equal(again.statusCode, 200)
    t.match(again.json<{ event: Event }>().event, { partner_id: 'p2', deal_id: 'd2', metadata: { n: 2 } })
    t.equal(other.json<{ code: string }>().code, 'event_exists')
  },
)

t.test(
  'a correction waits for the deal of its event; if the event moves in the meantime it is refused',
  async (t) => {
    const service = await givenTwoDeals(t)
    const { db } = service
    const isWaiting = async () => {
      const { rows } = await sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(db)
      return rows.length > 0
    }

    const { second } = await db.transaction().execute(async (trx) => {
      await correctIn(trx, { id: 'e1', change: { deal_id: 'd2' } })
      const waiting = correct(service, { id: 'e1', change: { partner_id: 'p3' } }).catch(
        (error: Error) => error,
      )
      while (!(await isWaiting()));
      return { second: waiting }
    })

    t.match(await second, { code: 'CONFLICT' })
    t.strictSame(await splitOf(service, 'd2'), [2, 'p1 100 referral'])
  },
)

t.test('a reinstated event counts again, on its day, and stays on record as void', async (t) => {
  const service = await givenTwoDeals(t)
  const { call } = service
  await call('POST', '/events/e1/void', { reason: 'sent twice' })

  const answer = await call('POST', '/events/e1/reinstate', { reason: 'it was not' })
  const again = await call('POST', '/events/e1/reinstate', { reason: 'it was not' })

  t.match(answer.json(), { event: { id: 'e1', voided_at: null, void_reason: null } })
  t.strictSame(again.json(), answer.json())
  t.strictSame(await splitOf(service, 'd1'), [3, 'p1 50 referral', 'p2 50 referral'])
  t.match(await lastOf(service, 'd1'), { reason: 'event_reinstated', cause: { note: 'it was not' } })
  const { revisions } = (await call('GET', '/events/e1/revisions')).json<EventRevisions>()
  t.match(revisions, [
    { revision: 1, void_reason: 'sent twice', replaced_by: 'event_reinstated', note: 'it was not' },
    { revision: 2, void_reason: null, replaced_at: null },
  ])
  t.equal((await call('POST', '/events/nothing/reinstate', { reason: 'x' })).statusCode, 404)
  t.equal((await call('GET', '/events/nothing/revisions')).statusCode, 404)
  t.strictSame(await listFaults(service), [])
})

t.test('an event of an earlier release is reinstated on its day in the calendar', async (t) => {
  const service = await createApp(t, { config: { TIME_ZONE: 'Europe/Berlin' } })
  const { call, db } = service
  await givenPartner(service, 'p1')
  await givenEvent(service, { id: 'e1', partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01T23:30:00Z' })
  await call('POST', '/events/e1/void', { reason: 'mistaken' })
  await sql`update events set happened_on = '2024-01-01'`.execute(db)

  await call('POST', '/events/e1/reinstate', { reason: 'it counts' })

  const { rows } = await sql`select happened_on, sum(touchpoints)::int as touchpoints
    from events join touchpoint_deltas using (deal_id) where day = happened_on group by happened_on`.execute(
    db,
  )
  t.strictSame(rows, [{ happened_on: '2024-01-02', touchpoints: 1 }])
})

t.test('the revisions of an event come in pages', async (t) => {
  const service = await givenTwoDeals(t)
  for (const n of [3, 4, 5, 6]) await correct(service, { id: 'e1', change: { timestamp: day(n) } })
  const read = async (query: string) =>
    (await service.call('GET', `/events/e1/revisions?${query}`)).json<EventRevisions>()

  const first = await read('limit=3')
  const second = await read(`limit=3&cursor=${first.pagination.next_cursor}`)

  t.strictSame(
    [...first.revisions, ...second.revisions].map(({ revision, timestamp }) => [revision, timestamp]),
    [1, 3, 4, 5, 6].map((n, index) => [index + 1, day(n)]),
  )
  t.equal(second.pagination.next_cursor, null)
})

import t from 'tap'
import { sql } from 'kysely'
import type { Presence } from '../../src/bulk-import/presence-schemas.ts'
import type { Event } from '../../src/events/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const source = 'crm'
const reason = 'Missing from crm'

async function follow({ call }: TestApp, range: object) {
  const answer = await call('POST', '/import/presence', { source, kind: 'deal', missing: 'void', ...range })
  return { status: answer.statusCode, ...answer.json<Presence & { errors?: object[] }>() }
}

async function voidReasons({ db }: TestApp, table = 'deals') {
  const { rows } = await sql<{ id: string; void_reason: string | null }>`
    select id, void_reason from ${sql.table(table)} order by id`.execute(db)
  return rows.map(({ void_reason }) => void_reason)
}

async function givenDeals(t: Parameters<typeof createApp>[0], ...ids: string[]) {
  const service = await createApp(t)
  for (const id of ids) await givenDeal(service, { id, closed_date: '2024-01-20' })
  return service
}

t.test('what a source lacks is voided, and reinstated when it is back', async (t) => {
  const service = await givenDeals(t, 'a', 'b', 'c', 'other')
  const first = await follow(service, { ids: ['a', 'b', 'c'] })

  const gone = await follow(service, { ids: ['a', 'c'] })
  const voided = await voidReasons(service)
  const again = await follow(service, { ids: ['a', 'c'] })
  const back = await follow(service, { ids: ['a', 'b', 'c'], missing: 'keep' })

  t.match(first, { voided: 0, reinstated: 0, is_complete: true })
  t.match(gone, { voided: 1, reinstated: 0, is_complete: true })
  t.strictSame(voided, [null, reason, null, null])
  t.match(
    [again, back],
    [
      { voided: 0, reinstated: 0 },
      { voided: 0, reinstated: 1, is_complete: true },
    ],
  )
  t.strictSame(await voidReasons(service), [null, null, null, null])
  t.match((await service.call('GET', '/attribution/b/history')).json(), {
    versions: [
      { reason: 'closed' },
      { reason: 'deal_voided', cause: { note: reason } },
      { reason: 'deal_reinstated', cause: { note: reason } },
    ],
  })
})

t.test('what a person voided or reinstated stays so', async (t) => {
  const service = await givenDeals(t, 'a', 'b', 'c')
  const { call } = service
  await follow(service, { ids: ['a', 'b', 'c'] })
  await call('POST', '/deals/a/void', { reason: 'Fraud' })
  await follow(service, { ids: ['z'] })
  await call('POST', '/deals/b/reinstate', { reason: 'It counts' })
  await call('POST', '/deals/c/reinstate', { reason: 'It counts' })
  await call('POST', '/deals/c/void', { reason: 'Fraud' })

  const stillGone = await follow(service, { ids: ['z'] })
  const back = await follow(service, { ids: ['a', 'b', 'c', 'z'], missing: 'keep' })

  t.match(
    [stillGone, back],
    [
      { voided: 0, reinstated: 0 },
      { voided: 0, reinstated: 0 },
    ],
  )
  t.strictSame(await voidReasons(service), ['Fraud', null, 'Fraud'])
})

t.test('a list that did not change writes nothing', async (t) => {
  const service = await givenDeals(t, 'a', 'b')
  await follow(service, { ids: ['a', 'b'] })
  await follow(service, { ids: ['a'] })
  const rowsOf = async () =>
    (
      await sql`select id, ctid, xmin, xmax from source_items union all select id, ctid, xmin, xmax from deals`.execute(
        service.db,
      )
    ).rows
  const before = await rowsOf()

  await follow(service, { ids: ['a'], missing: 'keep' })
  await follow(service, { ids: ['a'] })

  t.strictSame(await rowsOf(), before)
})

t.test('only the range is compared, and only with the list of this source and kind', async (t) => {
  const service = await givenDeals(t, 'a', 'b', 'c', 'd')
  await follow(service, { ids: ['a', 'b', 'c', 'd'] })
  await follow(service, { ids: ['a'], source: 'other' })
  await follow(service, { ids: ['a'], kind: 'event' })

  const middle = await follow(service, { ids: [], after: 'a', until: 'c' })

  t.match(middle, { voided: 2, is_complete: true })
  t.strictSame(await voidReasons(service), [null, reason, reason, null])
})

t.test('what is missing is counted without a change, within the range', async (t) => {
  const service = await givenDeals(t, 'a', 'b', 'c', 'd')
  await follow(service, { ids: ['a', 'b', 'c', 'd'] })
  const listed = async () => (await sql`select * from source_items order by id`.execute(service.db)).rows
  const before = await listed()

  const counts = [
    await follow(service, { ids: ['a', 'new'], missing: 'count' }),
    await follow(service, { ids: ['b'], after: 'a', until: 'c', missing: 'count' }),
  ]
  const kept = await follow(service, { ids: ['a', 'b', 'c', 'd'], missing: 'keep' })

  t.match(counts, [{ status: 200, missing_count: 3, voided: 0, is_complete: true }, { missing_count: 1 }])
  t.equal(kept.missing_count, null)
  t.strictSame(await listed(), before)
  t.strictSame(await voidReasons(service), [null, null, null, null])
})

t.test('a long range is done in several requests', async (t) => {
  const ids = Array.from({ length: 450 }, (_, n) => `d${1000 + n}`)
  const service = await createApp(t)
  const lines = ids.map((id) => JSON.stringify({ kind: 'deal', id, amount: 1, attribution_model: 'equal' }))
  await service.app.inject({
    method: 'POST',
    url: '/import',
    headers: { 'x-api-key': service.key, 'content-type': 'application/x-ndjson' },
    payload: lines.join('\n'),
  })
  await follow(service, { ids })
  const repeat = async (range: object) => {
    const answers = []
    do answers.push(await follow(service, range))
    while (!answers.at(-1)!.is_complete)
    return answers.map(({ voided, reinstated }) => [voided, reinstated])
  }

  t.strictSame(await repeat({ ids: ['z'] }), [
    [200, 0],
    [200, 0],
    [50, 0],
  ])
  t.strictSame(await repeat({ ids, missing: 'keep' }), [
    [0, 200],
    [0, 200],
    [0, 50],
  ])
  t.strictSame(new Set(await voidReasons(service)), new Set([null]))
})

t.test('events of one deal are voided and reinstated in one version each', async (t) => {
  const service = await givenDeals(t, 'd1')
  await givenPartner(service, 'p1')
  for (const id of ['e1', 'e2', 'e3'])
    await givenEvent(service, { id, partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-10T00:00:00Z' })
  await follow(service, { kind: 'event', ids: ['e1', 'e2', 'e3'] })

  const gone = await follow(service, { kind: 'event', ids: ['e1'] })
  const back = await follow(service, { kind: 'event', ids: ['e1', 'e2', 'e3'] })
  const done = await follow(service, { kind: 'event', ids: ['e1', 'e2', 'e3'] })

  t.match(
    [gone, back, done],
    [
      { voided: 2, is_complete: true },
      { reinstated: 2, is_complete: false },
      { voided: 0, reinstated: 0, is_complete: true },
    ],
  )
  t.strictSame(await voidReasons(service, 'events'), [null, null, null])
  const { versions } = (await service.call('GET', '/attribution/d1/history')).json<{
    versions: { reason: string }[]
  }>()
  t.strictSame(versions.map(({ reason }) => reason).slice(-2), ['event_voided', 'event_reinstated'])
  t.match((await service.call('GET', '/events/e2')).json<{ event: Event }>(), { event: { voided_at: null } })
})

t.test('ids that are out of order or outside of the range are refused', async (t) => {
  const service = await givenDeals(t, 'a', 'b')
  await follow(service, { ids: ['a', 'b'] })

  const answers = [
    await follow(service, { ids: ['b', 'a'] }),
    await follow(service, { ids: ['a', 'a'] }),
    await follow(service, { ids: ['a'], after: 'b' }),
    await follow(service, { ids: ['b'], until: 'a' }),
  ]

  t.match(
    answers,
    ['/ids/1', '/ids/1', '/ids/0', '/until'].map((pointer) => ({ status: 400, errors: [{ pointer }] })),
  )
  t.strictSame(await voidReasons(service), [null, null])
})

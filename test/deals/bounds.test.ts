import { sql } from 'kysely'
import t from 'tap'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner, givenTouchpoints } from '../support/fixtures.ts'
import { listStaleDeals } from '../support/proofs/stale-rows.ts'

const closed_date = '2025-01-01T12:00:00Z'

interface Versions {
  readonly versions: readonly { readonly version: number }[]
  readonly pagination: { readonly limit: number; readonly next_cursor: string | null }
}

async function readHistory({ call }: TestApp, query = ''): Promise<Versions> {
  return (await call('GET', `/attribution/d1/history?${query}`)).json<Versions>()
}

t.test('GET /deals/:id shows the first 100 events, oldest first, and the number of all events', async (t) => {
  const service = await createApp(t)
  await givenTouchpoints(service, { deal_id: 'd1', count: 250, partners: 3, metadata: '{"a":[[],[1.50]]}' })
  await givenDeal(service, { id: 'd1', closed_date, amount: 10.5 })

  const answer = await service.call('GET', '/deals/d1')

  const { deal, events, events_count } = answer.json<{
    deal: object
    events: { id: string }[]
    events_count: number
  }>()
  t.match(deal, { id: 'd1', amount: 10.5, version: 1 })
  t.notOk('submission' in deal || 'closed_until' in deal)
  t.equal(events_count, 250)
  t.strictSame(
    events.map(({ id }) => id),
    Array.from({ length: 100 }, (_, n) => `d1-${n}`),
  )
  t.match(events[0], { partner_name: 'Q0', metadata: { a: [[], [1.5]] }, voided_at: null })
})

t.test('GET /events returns stored metadata unchanged', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const metadata = { quote: '"\\\u2028', deep: [[], [{ a: null }]], é: 1.5 }
  await givenEvent(service, { id: 'e1', partner_id: 'p1', deal_id: 'd1', metadata })
  await givenEvent(service, { id: 'e2', partner_id: 'p1', deal_id: 'd1' })

  const listed = await service.call('GET', '/events?deal_id=d1')
  const one = await service.call('GET', '/events/e1')

  t.match(listed.headers, { 'content-type': 'application/json; charset=utf-8' })
  const { events } = listed.json<{ events: object[] }>()
  t.strictSame(events[1], one.json<{ event: object }>().event)
  t.strictSame(
    events.map((event) => Reflect.get(event, 'metadata')),
    [null, metadata],
  )
})

t.test('GET /attribution/:dealId/history pages through versions, oldest first', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1', closed_date, amount: 1 })
  for (let amount = 2; amount <= 5; amount++) await service.call('PATCH', '/deals/d1', { amount })

  const first = await readHistory(service, 'limit=3')
  const second = await readHistory(service, `limit=3&cursor=${first.pagination.next_cursor}`)

  t.match(first, {
    versions: [{ version: 1, reason: 'closed' }, {}, { version: 3 }],
    pagination: { limit: 3 },
  })
  t.match(second, { versions: [{ version: 4 }, { version: 5 }], pagination: { next_cursor: null } })
  t.equal((await service.call('GET', '/attribution/nobody/history')).statusCode, 404)
})

t.test('a page of history ends early when its versions have many shares', async (t) => {
  const service = await createApp(t)
  await givenTouchpoints(service, { deal_id: 'd1', count: 500, partners: 500 })
  await givenDeal(service, { id: 'd1', closed_date, amount: 100 })
  for (let n = 1; n < 12; n++) await service.call('PATCH', '/deals/d1', { amount: 100 + n })

  const first = await readHistory(service)
  const second = await readHistory(service, `cursor=${first.pagination.next_cursor}`)

  t.equal(first.versions.length, 10)
  t.match(first.pagination, { limit: 100, next_cursor: String })
  t.match(second, { versions: [{ version: 11 }, { version: 12 }], pagination: { next_cursor: null } })
})

t.test('an offset above 10,000 is refused with advice to use a cursor', async (t) => {
  const service = await createApp(t)

  const last = await service.call('GET', '/events?offset=10000')
  const refused = await service.call('GET', '/events?offset=10001')

  t.equal(last.statusCode, 200)
  t.match(refused.json(), {
    status: 400,
    errors: [{ pointer: 'offset', detail: /use a cursor to go further/ }],
  })
})

t.test('a batch on many large deals splits each deal from all of its touchpoints', async (t) => {
  const service = await createApp(t)
  const deals = Array.from({ length: 6 }, (_, n) => `d${n}`)
  for (const id of deals) {
    await givenTouchpoints(service, { deal_id: id, count: 4900, partners: 50 })
    await givenDeal(service, { id, closed_date, attribution_model: 'linear' })
  }
  await givenPartner(service, 'p1')
  const timestamp = '2024-06-01T00:00:00Z'

  const late = await service.call('POST', '/events/batch', {
    events: deals.map((deal_id) => ({ partner_id: 'p1', deal_id, touchpoint_type: 'demo', timestamp })),
  })

  t.match(late.json(), { accepted: 6 })
  t.strictSame(await listStaleDeals(service.db), [])
  const { rows } = await sql`select distinct version from deals`.execute(service.db)
  t.strictSame(rows, [{ version: 2 }])
})

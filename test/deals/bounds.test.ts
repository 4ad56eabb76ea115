import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { createLog } from '../../src/http/log.ts'
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
  t.notOk('submission' in deal || 'closed_all_day' in deal)
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

t.test('POST /analytics/what-if stops when its client disconnects', async (t) => {
  const ended = Promise.withResolvers<unknown>()
  const log = createLog('warn', { write: (line) => ended.resolve(JSON.parse(line)) })
  const service = await createApp(t, { log })
  await givenTouchpoints(service, { deal_id: 'd0', count: 5000, partners: 500 })
  await sql`
    insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, known_from, submission)
    select 'e' || d || id, 'd' || d, partner_id, touchpoint_type, timestamp, 1, '' from events, generate_series(1, 9) d`.execute(
    service.db,
  )
  for (let n = 0; n < 10; n++) await givenDeal(service, { id: `d${n}`, closed_date })
  const leaving = new AbortController()
  // The handler has started once the body is read.
  service.app.server.on('request', (request: Readable) =>
    request.once('end', () => void setImmediate().then(() => leaving.abort())),
  )
  const address = await service.app.listen({ host: '127.0.0.1', port: 0 })

  const gone = fetch(`${address}/analytics/what-if`, {
    method: 'POST',
    headers: { 'x-api-key': service.key, 'content-type': 'application/json' },
    body: JSON.stringify({ attribution_model: 'time-decay' }),
    signal: leaving.signal,
  }).catch((error: Error) => error.name)

  t.equal(await gone, 'AbortError')
  t.match(await ended.promise, { msg: 'request refused', err: { code: /unavailable/i } })
})

t.test(
  'POST /analytics/what-if lists the 1,000 partners with the largest differences and sums up the others',
  async (t) => {
    const service = await createApp(t)
    for (const deal_id of ['d1', 'd2', 'd3']) {
      await givenTouchpoints(service, { deal_id, count: 400, partners: 400 })
    }
    await sql`
    insert into partners (id, name, email, submission)
    select 'r' || n, 'R', 'r' || n || '@example.com', '' from generate_series(0, 1199) n`.execute(service.db)
    await sql`
    update events set partner_id = 'r' || (substring(deal_id, 2)::int - 1) * 400 + substring(partner_id, 2)::int`.execute(
      service.db,
    )
    for (const id of ['d1', 'd2', 'd3']) await givenDeal(service, { id, closed_date, amount: 1000 })

    const answer = await service.call('POST', '/analytics/what-if', { attribution_model: 'last-touch' })

    const { partners, others, unattributed } = answer.json<{
      partners: { difference: number }[]
      others: { partners_count: number; difference: number }
      unattributed: { difference: number }
    }>()
    const cents = [...partners, others, unattributed].map(({ difference }) => Math.round(difference * 100))
    t.strictSame([partners.length, others.partners_count], [1000, 200])
    t.equal(
      cents.reduce((sum, difference) => sum + difference, 0),
      0,
    )
    t.strictSame(
      partners.slice(0, 4).map(({ difference }) => difference),
      [997.5, 997.5, 997.5, -2.5],
    )
  },
)

t.test('POST /analytics/what-if refuses a period of more than 20,000 deals', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1', closed_date })
  const runScenario = () => service.call('POST', '/analytics/what-if', { attribution_model: 'equal' })
  await givenCopies(service, 'd1', 19_999)
  const allowed = await runScenario()
  await givenDeal(service, { id: 'd2', closed_date })

  const refused = await runScenario()

  t.match(allowed.json(), { deals_count: 20_000 })
  t.match(refused.json(), {
    status: 400,
    errors: [
      { pointer: '/start_date', detail: 'The period has more than 20000 deals: choose a shorter one.' },
    ],
  })
})

t.test('POST /analytics/what-if refuses a period of more than 100,000 touchpoints', async (t) => {
  const service = await createApp(t)
  for (let n = 0; n <= 20; n++) {
    await givenTouchpoints(service, { deal_id: `d${n}`, count: 5000, partners: 5 })
    await givenDeal(service, { id: `d${n}`, closed_date })
  }

  const refused = await service.call('POST', '/analytics/what-if', { attribution_model: 'equal' })

  t.match(refused.json(), {
    status: 400,
    errors: [
      {
        pointer: '/start_date',
        detail: 'The period has more than 100000 touchpoints: choose a shorter one.',
      },
    ],
  })
})

/** Stores copies of a deal that has no touchpoints, each with its first version. */
async function givenCopies({ db }: TestApp, id: string, count: number): Promise<void> {
  await sql`
    with copied as (
      insert into deals (id, amount_minor, currency, closed_date, closed_all_day, attribution_model, model_parameters,
        version, submission)
      select id || '-' || n, amount_minor, currency, closed_date, closed_all_day, attribution_model, model_parameters, 1, ''
      from deals, generate_series(1, ${count}::integer) n where id = ${id}
      returning *
    )
    insert into attributions (deal_id, version, reason, amount_minor, currency, closed_date, closed_all_day,
      attribution_model, model_parameters, unattributed_minor, fingerprint, calculated_at)
    select id, 1, 'closed', amount_minor, currency, closed_date, closed_all_day, attribution_model, model_parameters,
      amount_minor, '', now()
    from copied`.execute(db)
}

t.test('POST /attribution/simulate accepts at most 5,000 events and 500 partners', async (t) => {
  const service = await createApp(t)
  const simulate = (count: number, partners: number) =>
    service.call('POST', '/attribution/simulate', {
      amount: 100,
      attribution_model: 'equal',
      events: Array.from({ length: count }, (_, n) => ({
        partner_id: `p${n % partners}`,
        touchpoint_type: 'demo',
      })),
    })

  t.match((await simulate(5000, 500)).json(), { attributions: { length: 500 } })
  t.equal((await simulate(5001, 500)).statusCode, 400)
  t.match((await simulate(501, 501)).json(), { errors: [{ detail: 'A deal has at most 500 partners.' }] })
})

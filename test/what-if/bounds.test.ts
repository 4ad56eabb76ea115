import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { createLog } from '../../src/http/log.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenTouchpoints } from '../support/fixtures.ts'

const closed_date = '2025-01-01T12:00:00Z'

t.test('POST /analytics/what-if stops when its client disconnects', async (t) => {
  const ended = Promise.withResolvers<unknown>()
  const log = createLog('warn', { write: (line) => ended.resolve(JSON.parse(line)) })
  const service = await createApp(t, { log })
  await givenTouchpoints(service, { deal_id: 'd0', count: 5000, partners: 500 })
  await sql`
    insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, known_from, submission)
    select 'e' || d || id, 'd' || d, partner_id, touchpoint_type, timestamp, happened_on, 1, '' from events, generate_series(1, 9) d`.execute(
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
      insert into deals (id, amount_minor, currency, closed_date, closed_all_day, closed_on, attribution_model, model_parameters,
        version, submission)
      select id || '-' || n, amount_minor, currency, closed_date, closed_all_day, closed_on, attribution_model, model_parameters, 1, ''
      from deals, generate_series(1, ${count}::integer) n where id = ${id}
      returning *
    )
    insert into attributions (deal_id, version, reason, amount_minor, currency, closed_date, closed_all_day, closed_on,
      attribution_model, model_parameters, unattributed_minor, fingerprint, calculated_at)
    select id, 1, 'closed', amount_minor, currency, closed_date, closed_all_day, closed_on, attribution_model, model_parameters,
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

import t from 'tap'
import { sql } from 'kysely'
import { createApp, type TestApp } from '../support/app.ts'
import { givenEvent, givenPartner } from '../support/fixtures.ts'
import type { DealSplit } from '../../src/deals/schemas.ts'

const deal = { amount: 100, attribution_model: 'equal', closed_date: '2024-01-20' }

const put = ({ call }: TestApp, body: object, id = 'd1') => call('PUT', `/deals/${id}`, body)

async function reasonsOf({ call }: TestApp) {
  const { versions } = (await call('GET', '/attribution/d1/history')).json<{
    versions: { reason: string; cause: { note: string | null } }[]
  }>()
  return versions.map(({ reason, cause }) => [reason, cause.note])
}

/** Everything that a write would touch. */
async function snapshot({ db }: TestApp) {
  const { rows } = await sql`
    select (select json_agg(json_build_array(deals, xmin, ctid) order by id) from deals) as deals, (select count(*) from attributions) as versions,
      (select count(*) from audit) as audits, (select count(*) from deal_deltas) as deltas`.execute(db)
  return rows
}

t.test('PUT /deals/:dealId makes a deal, changes it in one version, and then writes nothing', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-10T00:00:00Z' })

  const made = await put(service, { ...deal, name: 'Acme', metadata: { stage: 'won' } })
  const changed = await put(service, { ...deal, amount: 250, note: 'Upsell' })
  const before = await snapshot(service)
  const unchanged = await put(service, { ...deal, amount: 250, note: 'Nightly' })
  const sentBack = await put(service, { ...deal, amount: 250, closed_date: '2024-01-20T00:00:00.000Z' })

  t.strictSame(
    [made, changed, unchanged, sentBack].map(({ statusCode }) => statusCode),
    [201, 200, 200, 200],
  )
  t.match(changed.json(), {
    deal: { amount: 250, name: 'Acme', metadata: { stage: 'won' }, version: 2, closed_all_day: true },
    attribution: { version: 2, attributions: [{ partner_id: 'p1', payout: 250 }], cached: false },
  })
  t.match(unchanged.json(), { deal: changed.json<DealSplit>().deal, attribution: { cached: true } })
  t.strictSame(await snapshot(service), before)
  t.strictSame(await reasonsOf(service), [
    ['closed', null],
    ['amended', 'Upsell'],
  ])
})

t.test('objects in PUT /deals/:dealId are whole values, and what is left out stays', async (t) => {
  const service = await createApp(t)
  const model = { ...deal, attribution_model: 'role-based' }
  const weights = { demo: 2 }
  await put(service, {
    ...model,
    name: 'Acme',
    metadata: { a: 1, b: { c: 2 } },
    model_parameters: { weights, lookback_days: 30 },
  })

  const kept = (await put(service, { ...model, amount: 200 })).json<DealSplit>().deal
  const replaced = (
    await put(service, { ...model, metadata: { b: { d: 3 } }, model_parameters: { weights: { intro: 1 } } })
  ).json<DealSplit>().deal
  const removed = (await put(service, { ...model, name: null, metadata: null })).json<DealSplit>().deal
  const other = (await put(service, { ...deal, attribution_model: 'linear' })).json<DealSplit>().deal

  t.match(kept, { metadata: { a: 1, b: { c: 2 } }, model_parameters: { weights, lookback_days: 30 } })
  t.strictSame(replaced.metadata, { b: { d: 3 } })
  t.match(replaced.model_parameters, { weights: { intro: 1, demo: 0.15 }, lookback_days: 30 })
  t.match(removed, { name: null, metadata: null, model_parameters: replaced.model_parameters })
  t.strictSame(other.model_parameters, { close_grace_minutes: 60, lookback_days: 30 })
})

t.test('a default that changes moves no declared deal', async (t) => {
  const service = await createApp(t)
  const sent = { ...deal, attribution_model: 'role-based', model_parameters: { weights: { demo: 2 } } }
  const made = await put(service, sent)
  const later = await createApp(t, {
    url: service.url,
    config: { ATTRIBUTION_CLOSE_GRACE_MINUTES: 5, DEFAULT_CURRENCY: 'EUR' },
  })

  const again = await put(later, sent)

  t.strictSame(again.json<DealSplit>().deal, made.json<DealSplit>().deal)
})

t.test(
  'PUT /deals/:dealId compares with the deal as it is now, POST with what PUT made it from',
  async (t) => {
    const service = await createApp(t)
    const { call } = service
    await put(service, { ...deal, note: 'First' })
    await call('PATCH', '/deals/d1', { amount: 300 })

    const posted = await call('POST', '/deals', { id: 'd1', ...deal })
    const other = await call('POST', '/deals', { id: 'd1', ...deal, amount: 300 })
    const declared = await put(service, { id: 'd1', ...deal })

    t.strictSame([posted.statusCode, other.statusCode], [200, 409])
    t.match(posted.json(), { deal: { amount: 300, version: 2 } })
    t.match(declared.json(), { deal: { amount: 100, version: 3 } })
  },
)

t.test('PUT /deals/:dealId leaves a void deal void, and refuses to change it', async (t) => {
  const service = await createApp(t)
  await put(service, deal)
  await service.call('POST', '/deals/d1/void', { reason: 'Duplicate' })

  const same = await put(service, deal)
  const other = await put(service, { ...deal, amount: 200 })

  t.match(same.json(), { deal: { void_reason: 'Duplicate', version: 2 } })
  t.match(other.json(), { status: 409, code: 'deal_void' })
})

t.test('PUT /deals/:dealId refuses what POST refuses, another id, and changes nothing', async (t) => {
  const service = await createApp(t)
  await put(service, deal)
  const before = await snapshot(service)
  const pointers = async (body: object, id?: string) => {
    const { statusCode, json } = await put(service, body, id)
    return [statusCode, json<{ errors: { pointer: string }[] }>().errors.map(({ pointer }) => pointer)]
  }

  t.strictSame(await pointers({ ...deal, id: 'd2' }), [400, ['/id']])
  t.strictSame(await pointers({ amount: 100 }), [400, ['/attribution_model']])
  t.strictSame(await pointers({ ...deal, amount: 1.001, closed_date: '2999-01-01' }), [
    400,
    ['/amount', '/closed_date'],
  ])
  t.strictSame(await pointers({ ...deal, model_parameters: { half_life_days: 3 } }, 'd9'), [
    400,
    ['/model_parameters/half_life_days'],
  ])
  const agreed = {
    attribution_model: 'agreed',
    model_parameters: { shares: [{ partner_id: 'x', percentage: 5 }] },
  }
  t.strictSame(await pointers({ ...deal, ...agreed }), [400, ['/model_parameters/shares']])
  t.strictSame(await snapshot(service), before)
})

t.test('of concurrent PUTs of one new deal one makes it and the others compare', async (t) => {
  const service = await createApp(t)

  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => put(service, { ...deal, amount: 100 + (n % 3) })),
  )

  const statuses = answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b)
  t.strictSame(statuses, [...Array.from({ length: 11 }, () => 200), 201])
  const reasons = (await reasonsOf(service)).map(([reason]) => reason)
  t.equal(reasons[0], 'closed')
  t.ok(reasons.slice(1).every((reason) => reason === 'amended'))
})

t.test('PUT /deals/:dealId takes an Idempotency-Key', async (t) => {
  const service = await createApp(t)
  const send = (body: object) => service.call('PUT', '/deals/d1', body, { 'idempotency-key': 'k1' })

  const made = await send(deal)
  await put(service, { ...deal, amount: 200 })
  const replayed = await send(deal)
  const reused = await send({ ...deal, amount: 200 })

  t.strictSame([made.statusCode, replayed.statusCode, reused.statusCode], [201, 201, 422])
  t.equal(replayed.headers['idempotency-replayed'], 'true')
  t.strictSame(replayed.json(), made.json())
})

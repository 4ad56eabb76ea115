import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner, givenTouchpoints } from '../support/fixtures.ts'

const touch = { partner_id: 'q0', deal_id: 'd1', touchpoint_type: 'demo', timestamp: '2024-01-01T00:00:00Z' }

async function countEvents({ db }: TestApp): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from events where deal_id = 'd1'`.execute(db)
  return rows[0]?.count ?? 0
}

/** A deal with `count` touchpoints of three partners. */
async function givenTouchedDeal(t: Test, count: number): Promise<TestApp> {
  const service = await createApp(t)
  await givenTouchpoints(service, { deal_id: 'd1', count, partners: 3 })
  return service
}

t.test('a deal accepts its 5,000th touchpoint and no more, and still recognises duplicates', async (t) => {
  const service = await givenTouchedDeal(t, 4999)
  await givenEvent(service, { ...touch, id: 'elsewhere', deal_id: 'd2' })
  const send = (event: object) => service.call('POST', '/events', { ...touch, ...event })

  const last = await send({ id: 'last', metadata: { a: [1] } })
  const further = await send({ id: 'further' })
  const again = await send({ id: 'last', metadata: { a: [1] } })

  t.equal(last.statusCode, 201)
  t.match(further.json(), {
    status: 409,
    code: 'deal_full',
    errors: [{ pointer: '/deal_id', detail: 'Deal d1 already has the maximum of 5000 touchpoints.' }],
  })
  t.equal(again.statusCode, 200)
  t.strictSame(again.json(), last.json())
  t.match((await send({ partner_id: 'nobody' })).json(), { status: 400, code: 'unknown_reference' })
  t.match((await send({ id: 'elsewhere' })).json(), { status: 409, code: 'event_exists' })
  t.equal((await send({ deal_id: 'd2' })).statusCode, 201)
  t.equal(await countEvents(service), 5000)
})

t.test('void touchpoints count towards the limit of a deal', async (t) => {
  const service = await givenTouchedDeal(t, 5000)
  await service.call('POST', '/events/d1-7/void', { reason: 'a mistake' })

  t.match((await service.call('POST', '/events', touch)).json(), { code: 'deal_full' })
})

t.test('a deal accepts 500 distinct partners and refuses the 501st', async (t) => {
  const service = await createApp(t)
  await givenTouchpoints(service, { deal_id: 'd1', count: 499, partners: 499 })
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  const send = (partner_id: string) => service.call('POST', '/events', { ...touch, partner_id })

  const statuses = []
  for (const partner of ['p1', 'p2', 'q0', 'p1']) statuses.push((await send(partner)).statusCode)

  t.strictSame(statuses, [201, 409, 201, 201])
  t.match((await send('p2')).json(), {
    code: 'deal_full',
    errors: [{ detail: 'Deal d1 already has the maximum of 500 partners.' }],
  })
})

t.test('concurrent events are stored until the deal is full', async (t) => {
  const service = await givenTouchedDeal(t, 4997)

  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) => service.call('POST', '/events', { ...touch, id: `e${n}` })),
  )

  const taken = answers.filter(({ statusCode }) => statusCode === 201)
  const full = answers.filter(({ body }) => body.includes('deal_full'))
  t.strictSame([taken.length, full.length], [3, 5])
  t.equal(await countEvents(service), 5000)
})

t.test('a batch that exceeds the limit stores nothing and names the excess events', async (t) => {
  const service = await givenTouchedDeal(t, 4998)
  const events = Array.from({ length: 4 }, (_, n) => ({ ...touch, id: `e${n}` }))
  events.unshift({ ...touch, id: 'other', deal_id: 'd2' })

  const refused = await service.call('POST', '/events/batch', { events })
  const between = await countEvents(service)
  const taken = await service.call('POST', '/events/batch', { events: events.slice(0, 3) })

  t.match(refused.json(), {
    status: 409,
    code: 'deal_full',
    errors: [{ pointer: '/events/3/deal_id' }, { pointer: '/events/4/deal_id' }],
  })
  t.equal(between, 4998)
  t.strictSame(taken.json(), { accepted: 3, duplicates: 0 })
})

t.test('a batch for an empty deal may have 500 partners but not 501', async (t) => {
  const service = await createApp(t)
  await givenTouchpoints(service, { deal_id: 'd2', count: 1, partners: 501 })
  const events = Array.from({ length: 501 }, (_, n) => ({ ...touch, partner_id: `q${n}` }))

  const refused = await service.call('POST', '/events/batch', { events })
  const taken = await service.call('POST', '/events/batch', { events: events.slice(1) })

  t.match(refused.json(), { code: 'deal_full', errors: [{ pointer: '/events/500/deal_id' }] })
  t.match(taken.json(), { accepted: 500 })
})

t.test('an import stores lines until the deal is full and refuses the others one by one', async (t) => {
  const service = await givenTouchedDeal(t, 4999)
  const lines = [
    { ...touch, id: 'e1' },
    { ...touch, id: 'e2' },
    { ...touch, id: 'e3', deal_id: 'd2' },
    { ...touch, id: 'e1' },
  ]

  const report = await service.app.inject({
    method: 'POST',
    url: '/events/import',
    headers: { 'x-api-key': service.key, 'content-type': 'application/x-ndjson' },
    payload: lines.map((line) => JSON.stringify(line)).join('\n'),
  })

  t.match(report.json(), {
    accepted: 2,
    duplicates: 1,
    refused: 1,
    refusals: [{ line: 2, code: 'deal_full', errors: [{ pointer: '/deal_id' }] }],
  })
})

t.test('a batch refuses the second event with the same id, although its deal has more room', async (t) => {
  const service = await givenTouchedDeal(t, 600)

  const clash = await service.call('POST', '/events/batch', {
    events: [
      { ...touch, id: 'e1' },
      { ...touch, id: 'e1', deal_id: 'd2' },
    ],
  })

  t.match(clash.json(), { code: 'event_exists', errors: [{ pointer: '/events/1/id' }] })
})

t.test('the split of a deal with 600 touchpoints includes a late event once it is answered', async (t) => {
  const service = await givenTouchedDeal(t, 600)
  await givenDeal(service, { id: 'd1', closed_date: '2025-01-01T12:00:00Z' })
  await givenPartner(service, 'p1')

  const late = await service.call('POST', '/events', { ...touch, partner_id: 'p1' })

  t.equal(late.statusCode, 201)
  const split = await service.call('GET', '/attribution/d1')
  t.match(split.json(), { version: 2, attributions: { length: 4 } })
})

t.test('a deal above the limit can be read by every route and accepts no more events', async (t) => {
  const service = await createApp(t)
  await givenTouchpoints(service, { deal_id: 'd1', count: 6000, partners: 600 })
  await givenDeal(service, { id: 'd1', closed_date: '2025-01-01T12:00:00Z' })

  for (const path of [
    '/attribution/d1',
    '/attribution/d1?explain=true',
    '/attribution/d1/history',
    '/attribution/d1/compare',
    '/deals/d1',
    '/events?deal_id=d1&limit=1000',
  ]) {
    t.equal((await service.call('GET', path)).statusCode, 200, path)
  }
  t.match((await service.call('POST', '/events', touch)).json(), { code: 'deal_full' })
  t.match((await service.call('GET', '/attribution/d1')).json(), { attributions: { length: 600 } })
})

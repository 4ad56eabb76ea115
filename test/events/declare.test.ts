import t from 'tap'
import { sql } from 'kysely'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenPartner } from '../support/fixtures.ts'
import type { Event } from '../../src/events/schemas.ts'

const event = {
  partner_id: 'p1',
  deal_id: 'd1',
  touchpoint_type: 'demo',
  timestamp: '2024-01-10T09:00:00Z',
  metadata: { campaign: 'spring' },
}

async function put({ call }: TestApp, body: object, id = 'e1') {
  const answer = await call('PUT', `/events/${id}`, body)
  return { status: answer.statusCode, ...answer.json<{ event: Event; code?: string }>() }
}

async function start(t: Parameters<typeof createApp>[0]) {
  const service = await createApp(t)
  for (const id of ['p1', 'p2']) await givenPartner(service, id)
  for (const id of ['d1', 'd2']) await givenDeal(service, { id, closed_date: '2024-01-20' })
  return service
}

async function splitOf({ call }: TestApp, id: string) {
  const { version, attributions } = (await call('GET', `/attribution/${id}`)).json<{
    version: number
    attributions: { partner_id: string }[]
  }>()
  return [version, ...attributions.map(({ partner_id }) => partner_id)]
}

async function rowsOf({ db }: TestApp) {
  const { rows } = await sql`
    select (select json_agg(json_build_array(ctid, xmin)) from events) as events,
      (select count(*) from event_revisions) as revisions, (select count(*) from attributions) as versions,
      (select json_agg(json_build_array(ctid, xmin)) from deals) as deals`.execute(db)
  return rows
}

t.test(
  'PUT /events/:eventId stores an event, corrects it in one version, and then writes nothing',
  async (t) => {
    const service = await start(t)

    const made = await put(service, event)
    const corrected = await put(service, { ...event, partner_id: 'p2', note: 'Wrong partner' })
    const before = await rowsOf(service)
    const unchanged = await put(service, { ...event, id: 'e1', partner_id: 'p2', note: 'Nightly' })
    const { timestamp: _, metadata: __, ...part } = event
    const kept = await put(service, { ...part, partner_id: 'p2' })

    t.strictSame(
      [made, corrected, unchanged, kept].map(({ status }) => status),
      [201, 200, 200, 200],
    )
    t.strictSame([unchanged.event, kept.event], [corrected.event, corrected.event])
    t.match(corrected.event, { partner_id: 'p2', metadata: { campaign: 'spring' } })
    t.strictSame(await rowsOf(service), before)
    t.strictSame(await splitOf(service, 'd1'), [3, 'p2'])
    t.match((await service.call('GET', '/attribution/d1/history')).json(), {
      versions: [
        { reason: 'closed' },
        { reason: 'late_event' },
        { reason: 'event_corrected', cause: { note: 'Wrong partner', event_ids: ['e1'] } },
      ],
    })
  },
)

t.test('PUT /events/:eventId moves an event to another deal, and both are split again', async (t) => {
  const service = await start(t)
  await put(service, event)

  await put(service, { ...event, deal_id: 'd2' })

  t.strictSame([await splitOf(service, 'd1'), await splitOf(service, 'd2')], [[3], [2, 'p1']])
})

t.test('metadata in PUT /events/:eventId is the whole object, and null removes it', async (t) => {
  const service = await start(t)
  await put(service, { ...event, metadata: { a: 1 } })

  const replaced = await put(service, { ...event, metadata: { b: 2 } })
  const removed = await put(service, { ...event, metadata: null })
  const other = await put(service, { ...event, metadata: null }, 'e2')

  t.strictSame(
    [replaced, removed, other].map(({ event }) => event.metadata),
    [{ b: 2 }, null, null],
  )
})

t.test('POST compares with what PUT made the event from, and PUT with the event as it is now', async (t) => {
  const service = await start(t)
  await put(service, event)
  await put(service, { ...event, partner_id: 'p2' })

  const same = await service.call('POST', '/events', { id: 'e1', ...event })
  const other = await service.call('POST', '/events', { id: 'e1', ...event, partner_id: 'p2' })

  t.match(same.json(), { event: { partner_id: 'p2' } })
  t.strictSame([same.statusCode, other.statusCode], [200, 409])
})

t.test('PUT /events/:eventId leaves a void event void, and refuses to change it', async (t) => {
  const service = await start(t)
  await put(service, event)
  await service.call('POST', '/events/e1/void', { reason: 'Twice' })

  const same = await put(service, event)
  const other = await put(service, { ...event, touchpoint_type: 'closer' })

  t.match(same, { status: 200, event: { void_reason: 'Twice' } })
  t.match(other, { status: 409, code: 'event_void' })
})

t.test(
  'PUT /events/:eventId refuses another id, an unknown partner and a future time, and changes nothing',
  async (t) => {
    const service = await start(t)
    await put(service, event)
    const before = await rowsOf(service)

    const answers = [
      await put(service, { ...event, id: 'e2' }),
      await put(service, { ...event, partner_id: 'nobody' }),
      await put(service, { ...event, partner_id: 'nobody' }, 'e9'),
      await put(service, { ...event, timestamp: '2999-01-01' }),
      await put(service, { ...event, metadata: { text: 'x'.repeat(20_000) } }),
    ]

    t.match(
      answers,
      ['/id', '/partner_id', '/partner_id', '/timestamp', '/metadata'].map((pointer) => ({
        status: 400,
        errors: [{ pointer }],
      })),
    )
    t.strictSame(await rowsOf(service), before)
  },
)

t.test('of concurrent PUTs of one new event one stores it and the others correct it', async (t) => {
  const service = await start(t)

  const answers = await Promise.all(
    Array.from({ length: 9 }, (_, n) => put(service, { ...event, partner_id: n % 2 === 0 ? 'p1' : 'p2' })),
  )

  t.strictSame(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [...Array.from({ length: 8 }, () => 200), 201],
  )
})

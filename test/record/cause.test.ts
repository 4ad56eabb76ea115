import { sql } from 'kysely'
import t from 'tap'
import type { AttributionVersion } from '../../src/splits/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const timestamp = '2024-01-01T09:00:00Z'

async function listCauses({ call }: TestApp) {
  const { versions } = (await call('GET', '/attribution/d1/history')).json<{
    versions: AttributionVersion[]
  }>()
  return versions.map(({ reason, voided_at, calculated_at, cause: { api_key_ids: _, ...cause } }) => ({
    reason,
    is_void: voided_at === calculated_at,
    ...cause,
  }))
}

t.test('every version names its reason, its events, its note and the API key', async (t) => {
  const service = await createApp(t)
  const { call, db } = service
  await givenPartner(service, 'p1')
  await givenDeal(service, { id: 'd1', closed_date: '2024-01-20T09:00:00Z' })
  const key = await db
    .selectFrom('api_keys')
    .select('id')
    .where('name', '=', 'test')
    .executeTakeFirstOrThrow()
  const touch = { partner_id: 'p1', touchpoint_type: 'demo', deal_id: 'd1', timestamp }
  await givenEvent(service, { ...touch, id: 'e1' })
  const events = [3, 2].map((n) => ({ ...touch, id: `e${n}` }))
  await call('POST', '/events/batch', { events: [...events, { ...touch, deal_id: 'd2' }] })
  await call('POST', '/events/e2/void', { reason: 'sent twice' })
  await call('PATCH', '/deals/d1', { amount: 90, note: 'rebate' })
  await call('PATCH', '/deals/d1', { amount: 80 })
  await call('POST', '/deals/d1/void', { reason: 'fraud' })

  const plain = { is_void: false, event_ids: [], events_count: 0, note: null }
  t.strictSame(await listCauses(service), [
    { ...plain, reason: 'closed' },
    { ...plain, reason: 'late_event', event_ids: ['e1'], events_count: 1 },
    { ...plain, reason: 'late_event', event_ids: ['e2', 'e3'], events_count: 2 },
    { ...plain, reason: 'event_voided', event_ids: ['e2'], events_count: 1, note: 'sent twice' },
    { ...plain, reason: 'amended', note: 'rebate' },
    { ...plain, reason: 'amended' },
    { ...plain, reason: 'deal_voided', note: 'fraud', is_void: true },
  ])
  const { versions } = (await call('GET', '/attribution/d1/history')).json<{
    versions: AttributionVersion[]
  }>()
  t.ok(versions.every(({ cause }) => cause.api_key_ids.join() === key.id))
})

t.test('a cause lists the first 100 events and counts all', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenDeal(service, { id: 'd1', closed_date: '2024-01-20T09:00:00Z' })
  const touch = { partner_id: 'p1', touchpoint_type: 'demo', deal_id: 'd1', timestamp }
  const events = Array.from({ length: 150 }, (_, n) => ({ ...touch, id: `e${1000 - n}` }))

  await service.call('POST', '/events/batch', { events })

  const [, late] = await listCauses(service)
  t.equal(late?.events_count, 150)
  t.strictSame(
    late?.event_ids,
    events
      .map(({ id }) => id)
      .sort()
      .slice(0, 100),
  )
})

t.test('a version of a release without causes names nothing', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1' })
  await sql`
    insert into attributions
    select (jsonb_populate_record(a, jsonb_build_object('version', 2, 'cause', null, 'transaction_id',
      pg_current_xact_id()::text, 'calculated_at', date_trunc('milliseconds', clock_timestamp())))).*
    from attributions a`.execute(service.db)

  const [, old] = await listCauses(service)
  t.strictSame(old, { reason: 'closed', is_void: false, event_ids: [], events_count: 0, note: null })
})

t.test('the attribution of a void deal says when it was voided', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1' })
  const valid = (await service.call('GET', '/attribution/d1')).json<{ voided_at: string | null }>()

  const voided = (await service.call('POST', '/deals/d1/void', { reason: 'fraud' })).json<{
    deal: { voided_at: string; updated_at: string }
    attribution: { voided_at: string; calculated_at: string }
  }>()

  t.equal(valid.voided_at, null)
  const { deal, attribution } = voided
  t.strictSame(
    [deal.voided_at, deal.updated_at, attribution.calculated_at],
    Array(3).fill(attribution.voided_at),
  )
  t.match((await service.call('GET', '/attribution/d1')).json(), { voided_at: deal.voided_at })
  t.match((await service.call('GET', '/deals/d1')).json(), { deal })
})

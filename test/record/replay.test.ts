import { sql } from 'kysely'
import t from 'tap'
import { replayDeals } from '../../src/record/replay.ts'
import { createApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const all = { after: '', limit: 100 }

t.test('replayDeals reproduces every version from the stored rows', async (t) => {
  const service = await createApp(t)
  const { call, db } = service
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  await givenEvent(service, { id: 'e1', partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01T00:00:00Z' })
  await givenDeal(service, { id: 'd1', attribution_model: 'time-decay', closed_date: '2024-01-20T09:00:00Z' })
  await givenEvent(service, { id: 'e2', partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-05T00:00:00Z' })
  await givenEvent(service, { id: 'e3', partner_id: 'p2', deal_id: 'd1', timestamp: '2024-02-05T00:00:00Z' })
  await call('PATCH', '/deals/d1', { closed_date: '2024-02-20T09:00:00Z', amount: 77.77 })
  await call('POST', '/events/e1/void', { reason: 'mistaken' })
  await call('PATCH', '/deals/d1', {
    attribution_model: 'role-based',
    model_parameters: { weights: { other: 1 } },
  })
  await call('POST', '/deals/d1/void', { reason: 'refunded' })

  const replayed = await replayDeals(db, all)

  t.strictSame(replayed, { versions: 6, differences: [], next: undefined })
})

t.test('replayDeals names a version that its stored inputs do not reproduce', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenEvent(service, { id: 'e1', partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01T00:00:00Z' })
  await givenDeal(service, { id: 'd1' })

  await sql`update events set timestamp = timestamp + interval '1 ms'`.execute(service.db)

  const { differences } = await replayDeals(service.db, all)
  t.strictSame(differences, [{ deal_id: 'd1', version: 1, detail: 'its inputs have another fingerprint' }])
})

t.test('the stored size of a deal grows linearly with its late events', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenDeal(service, { id: 'd1', closed_date: '2024-01-20T09:00:00Z' })
  const sizeAfter = async (count: number, from: number) => {
    for (let n = from; n < from + count; n++) {
      await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: toInstant(n) })
    }
    const { rows } = await sql<{ bytes: bigint }>`
      select (select sum(pg_column_size(a)) from attributions a) + (select sum(pg_column_size(p)) from shares p)
        + (select sum(pg_column_size(e)) from events e) as bytes`.execute(service.db)
    return Number(rows[0]?.bytes)
  }

  const first = await sizeAfter(334, 0)
  const second = await sizeAfter(334, 334)
  const third = await sizeAfter(334, 668)

  t.equal(third - second, second - first, 'the same growth for the same number of late events')
})

function toInstant(n: number): string {
  return new Date(Date.UTC(2024, 0, 10) + n * 60_000).toISOString()
}

import t from 'tap'
import { sql } from 'kysely'
import { createRecord } from '../../src/record/record.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { lockDeals } from '../../src/database/locks.ts'
import { ingestAll } from '../../src/events/ingest.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenPartner } from '../support/fixtures.ts'
import { createInstances } from '../support/proofs/instances.ts'
import { givenArrivals, sendShuffled } from '../support/proofs/arrival-orders.ts'

t.test('the order and batching of events and closes do not change a split', async (t) => {
  const arrivals = givenArrivals(600, 1)

  const splits = []
  for (const seed of [2, 3, 4]) {
    const { instances } = await createInstances(t, 1)
    splits.push(await sendShuffled(instances[0]!, arrivals, seed))
  }

  t.equal(splits[0]!.split('\n').length, 60)
  t.strictSame(splits, [splits[0], splits[0], splits[0]])
})

t.test('a change that waits for a deal lock is dated after the change that held it', async (t) => {
  const service = await createApp(t)
  const { call, db } = service
  await givenPartner(service, 'p1')
  await givenDeal(service, { id: 'd1', amount: 100 })
  const late = {
    partner_id: 'p1',
    deal_id: 'd1',
    touchpoint_type: 'demo',
    timestamp: '2025-01-01T00:00:00Z',
  } as const

  const calendar = createCalendar('UTC')
  const waiting = await db.transaction().execute(async (trx) => {
    await lockDeals(trx, ['d1'])
    const amended = call('PATCH', '/deals/d1', { amount: 200 })
    while (!(await isAnyoneWaiting(db)));
    await ingestAll(trx, createRecord({ calendar }), { events: [late], author: { keyId: 'key', calendar } })
    return [amended]
  })
  await Promise.all(waiting)

  const { versions } = (await call('GET', '/attribution/d1/history')).json<{ versions: Version[] }>()
  const dates = versions.map(({ calculated_at }) => calculated_at)
  t.strictSame(
    versions.map(({ reason }) => reason),
    ['closed', 'late_event', 'amended'],
  )
  t.strictSame(dates, [...new Set(dates)].sort())
})

interface Version {
  readonly reason: string
  readonly calculated_at: string
}

async function isAnyoneWaiting(db: TestApp['db']): Promise<boolean> {
  const { rows } = await sql`
    select from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`.execute(db)
  return rows.length > 0
}

import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { Analytics } from '../../src/analytics/schemas.ts'
import { createTimeZoneConfirmation } from '../../src/database/time-zone.ts'
import { createDayFilling, fillBatch } from '../../src/jobs/fill-days.ts'
import { createRecord } from '../../src/record/record.ts'
import { replayDeals } from '../../src/record/replay.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { verifyRollups } from '../../src/rollups/verify.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { analyticsByPlainSql } from '../analytics/plain-sql.ts'
import { givenHistory } from '../analytics/random-history.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'
import { createRandom } from '../support/random.ts'

const timeZone = 'Australia/Sydney'
const period = { currency: 'USD', first: '2024-01-01', last: '2024-12-31' }
const path = `/analytics?currency=USD&start_date=${period.first}&end_date=${period.last}`

/** Makes all rows those of a release that stored no days, and forgets the time zone. */
async function forgetDays(t: Test, { url }: TestApp): Promise<void> {
  const owner = connectAsOwner(t, url)
  const checks = { deals: 'closed_on', events: 'happened_on' }
  for (const [table, column] of Object.entries(checks)) {
    const name = sql.ref(`${table}_${column}_known`)
    await sql`alter table ${sql.table(table)} drop constraint ${name}`.execute(owner)
    await sql`update ${sql.table(table)} set ${sql.ref(column)} = null`.execute(owner)
    await sql`
      alter table ${sql.table(table)} add constraint ${name} check (${sql.ref(column)} is not null) not valid`.execute(
      owner,
    )
  }
  // A whole day of UTC has 24 hours, like every whole day of that release.
  await sql`alter table deals drop constraint deals_closed_on_known`.execute(owner)
  await sql`update deals set closed_until = null`.execute(owner)
  await sql`
    alter table deals add constraint deals_closed_on_known check (closed_on is not null) not valid`.execute(
    owner,
  )
  await sql`delete from calendar`.execute(owner)
}

function createFilling({ db }: Pick<TestApp, 'db'>) {
  const calendar = createCalendar(timeZone)
  const confirmTimeZone = createTimeZoneConfirmation(db, timeZone)
  return { calendar, record: createRecord({ calendar }), confirmTimeZone }
}

async function countUnfilled({ db }: TestApp): Promise<number> {
  const { rows } = await sql`
    select from events where happened_on is null union all select from deals where closed_on is null`.execute(
    db,
  )
  return rows.length
}

async function readAnalytics({ call }: TestApp) {
  const { filters: _, ...answered } = (await call('GET', path)).json<Analytics>()
  return answered
}

const listDeals = ({ db }: TestApp) =>
  db.selectFrom('deals').select(['id', 'version', 'updated_at', 'closed_date']).orderBy('id').execute()

t.test('the days of an earlier release are filled in, and reports go by them from then on', async (t) => {
  const before = await createApp(t)
  await givenHistory(before, createRandom(21), 120, 'd', { offsets: ['Z'] })
  await foldChanges(before.db)
  const inUtc = await readAnalytics(before)
  await forgetDays(t, before)
  const service = await createApp(t, { url: before.url, config: { TIME_ZONE: timeZone } })
  const deals = await listDeals(service)

  const unfilled = await readAnalytics(service)
  await createDayFilling(service.db, createFilling(service))()

  t.strictSame(unfilled, inUtc)
  t.equal(await countUnfilled(service), 0)
  t.strictSame(await listDeals(service), deals)
  t.strictSame(await readAnalytics(service), await analyticsByPlainSql(service.db, { ...period, timeZone }))
  for (const { name, differing } of await verifyRollups(service.db)) t.equal(differing, 0, name)
  const { differences } = await replayDeals(service.db, { after: '', limit: 1000 })
  t.strictSame(differences, [])
  t.match(await service.db.selectFrom('calendar').selectAll().execute(), [{ time_zone: timeZone }])
})

t.test('days are filled in by two instances at once, while deals and touchpoints change', async (t) => {
  const before = await createApp(t)
  await givenHistory(before, createRandom(22), 60, 'd', { offsets: ['Z'] })
  await forgetDays(t, before)
  const service = await createApp(t, { url: before.url, config: { TIME_ZONE: timeZone } })
  const ids = (await listDeals(service)).map(({ id }) => id)
  const changes = ids.map(async (id, n) => {
    if (n % 4 === 0) return service.call('POST', `/deals/${id}/void`, { reason: 'fell through' })
    if (n % 4 === 1) return service.call('POST', `/events/${id}-0/void`, { reason: 'counted twice' })
    if (n % 4 === 2) return service.call('PATCH', `/deals/${id}`, { amount: 10 + n })
    return givenEvent(service, { partner_id: 'p1', deal_id: id, timestamp: '2024-01-01T20:00:00Z' })
  })

  const fillings = [1, 2].map(() => createDayFilling(service.db, createFilling(service))())
  await Promise.all([...changes, ...fillings, foldChanges(service.db)])

  t.equal(await countUnfilled(service), 0)
  t.strictSame(await readAnalytics(service), await analyticsByPlainSql(service.db, { ...period, timeZone }))
  for (const { name, differing } of await verifyRollups(service.db)) t.equal(differing, 0, name)
})

t.test('a filling that ends early goes on where it was, and counts nothing twice', async (t) => {
  const before = await createApp(t)
  await givenPartner(before, 'p1')
  for (let n = 0; n < 130; n += 1) {
    await givenEvent(before, { partner_id: 'p1', deal_id: `d${n}`, timestamp: '2024-03-01T20:00:00Z' })
    await givenDeal(before, { id: `d${n}`, amount: 1, closed_date: '2024-03-01T20:00:00Z' })
  }
  await forgetDays(t, before)
  const service = await createApp(t, { url: before.url, config: { TIME_ZONE: timeZone } })
  const filling = createFilling(service)
  const dealsOn = async (day: string) => {
    const answer = await service.call('GET', `/analytics?start_date=${day}&end_date=${day}`)
    return answer.json<Analytics>().overview.total_deals
  }

  const seen = [[await dealsOn('2024-03-01'), await dealsOn('2024-03-02')]]
  for (let isMore = true; isMore;) {
    isMore = await fillBatch(service.db, filling)
    seen.push([await dealsOn('2024-03-01'), await dealsOn('2024-03-02')])
  }

  t.strictSame(seen, [
    [130, 0],
    [30, 100],
    [0, 130],
    [0, 130],
  ])
})

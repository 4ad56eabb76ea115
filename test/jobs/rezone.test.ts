import { sql } from 'kysely'
import t from 'tap'
import type { Analytics } from '../../src/analytics/schemas.ts'
import { findTimeZoneFault } from '../../src/database/time-zone.ts'
import { rezone } from '../../src/jobs/rezone.ts'
import { verifyLedger } from '../../src/ledger/verify.ts'
import { replayDeals } from '../../src/record/replay.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { verifyRollups } from '../../src/rollups/verify.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { analyticsByPlainSql } from '../analytics/plain-sql.ts'
import { givenHistory, randomFilter } from '../analytics/random-history.ts'
import { createApp } from '../support/app.ts'
import { givenChange, givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'
import { createRandom } from '../support/random.ts'

const timeZone = 'America/St_Johns'
function stop(): never {
  throw new Error('killed')
}

const rezoning = { timeZone, settle: async () => {}, onProgress: () => {} }

t.test('rezone dates everything in another time zone, and reports and versions agree with it', async (t) => {
  const before = await createApp(t, { config: { TIME_ZONE: 'Australia/Sydney' } })
  const random = createRandom(31)
  await givenHistory(before, random, 100)
  await foldChanges(before.db)

  const rezoned = await rezone(before.db, rezoning)
  const again = await rezone(before.db, rezoning)

  t.ok(rezoned.events > 100)
  t.ok(rezoned.deals > 50)
  t.strictSame(again, { events: 0, deals: 0 })
  const service = await createApp(t, { url: before.url, config: { TIME_ZONE: timeZone } })
  for (let n = 0; n < 20; n += 1) {
    const { query, period } = randomFilter(random, createCalendar(timeZone))
    const { filters: _, ...answered } = (await service.call('GET', `/analytics?${query}`)).json<Analytics>()
    t.strictSame(answered, await analyticsByPlainSql(service.db, period), query)
  }
  for (const { name, differing } of await verifyRollups(service.db)) t.equal(differing, 0, name)
  const { differences } = await replayDeals(service.db, { after: '', limit: 1000 })
  t.strictSame(differences, [])
  t.strictSame(
    (await verifyLedger(service.db)).filter(({ wrong }) => wrong > 0),
    [],
  )
  const { rows } = await sql<{ closed_on: string; closed_until: string }>`
    select closed_on, closed_until from deals where closed_all_day and voided_at is null`.execute(service.db)
  const { endOf } = createCalendar(timeZone)
  t.strictSame(
    rows.map(({ closed_until }) => Date.parse(closed_until)),
    rows.map(({ closed_on }) => endOf(closed_on)),
  )
})

t.test(
  'a whole day that ends at another instant is split again, with the reason in its history',
  async (t) => {
    const before = await createApp(t)
    await givenPartner(before, 'early')
    await givenPartner(before, 'late')
    await givenEvent(before, { partner_id: 'early', deal_id: 'd1', timestamp: '2026-06-01T08:00:00Z' })
    await givenEvent(before, { partner_id: 'late', deal_id: 'd1', timestamp: '2026-06-01T20:00:00Z' })
    await givenDeal(before, { id: 'd1', closed_date: '2026-06-01T00:00:00Z' })
    await givenDeal(before, { id: 'd2', closed_date: '2026-06-30T20:00:00Z' })

    await rezone(before.db, { ...rezoning, timeZone: 'Australia/Sydney' })

    const service = await createApp(t, { url: before.url, config: { TIME_ZONE: 'Australia/Sydney' } })
    const split = await service.call('GET', '/attribution/d1')
    t.match(split.json(), { version: 2, attributions: [{ partner_id: 'early', payout: 100 }] })
    const history = await service.call('GET', '/attribution/d1/history')
    t.match(history.body, /recalculated.*TIME_ZONE is Australia\/Sydney\./)
    t.match((await service.call('GET', '/deals/d2')).json(), { deal: { version: 1 } })
    const july = await service.call('GET', '/analytics?start_date=2026-07-01&end_date=2026-07-01')
    t.match(july.json(), { overview: { total_deals: 1 } })
  },
)

t.test('a deal that keeps its day is split again if a partner left on another day', async (t) => {
  const before = await createApp(t)
  await givenPartner(before, 'p1')
  await givenChange(before, 'p1', '2026-06-01T20:00:00Z', { status: 'inactive', credit_after_leaving: false })
  await givenEvent(before, { partner_id: 'p1', deal_id: 'd1', timestamp: '2026-05-01T00:00:00Z' })
  await givenDeal(before, { id: 'd1', closed_date: '2026-06-02T09:00:00Z' })

  const rezoned = await rezone(before.db, { ...rezoning, timeZone: 'Australia/Sydney' })

  // It was 1 June in UTC and 2 June in Sydney.
  const service = await createApp(t, { url: before.url, config: { TIME_ZONE: 'Australia/Sydney' } })
  const split = await service.call('GET', '/attribution/d1')
  t.match(split.json(), { version: 2, attributions: [{ partner_id: 'p1', payout: 100 }] })
  t.strictSame(rezoned, { events: 0, deals: 0 })
})

t.test('while a rezone has not ended, no service starts or writes, and the next run ends it', async (t) => {
  const before = await createApp(t)
  await givenPartner(before, 'p1')
  await givenEvent(before, { partner_id: 'p1', deal_id: 'd1', timestamp: '2026-06-01T00:00:00Z' })
  const sent = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo', timestamp: '2026-06-01T00:00:00Z' }

  await t.rejects(rezone(before.db, { ...rezoning, onProgress: stop }), { message: 'killed' })
  const fault = await findTimeZoneFault(before.db, timeZone)
  const service = await createApp(t, { url: before.url, config: { TIME_ZONE: timeZone } })
  const refused = await service.call('POST', '/events', sent)
  await rezone(before.db, rezoning)
  const stored = await service.call('POST', '/events', sent)

  t.match(fault, /has not ended: set TIME_ZONE=America\/St_Johns and run `npm run rezone` again/)
  t.strictSame([refused.statusCode, stored.statusCode], [503, 201])
  t.equal(await findTimeZoneFault(before.db, timeZone), undefined)
})

t.test('the time zone cannot change after a month was locked', async (t) => {
  const { call, db } = await createApp(t)
  await call('POST', '/periods/2024-01/lock', {})

  await t.rejects(rezone(db, rezoning), /a month of the ledger is locked/)
  t.strictSame(
    await db.selectFrom('calendar').select('is_redating').where('is_redating', '=', true).execute(),
    [],
  )
})

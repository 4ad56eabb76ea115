import { sql } from 'kysely'
import t from 'tap'
import { createClosing } from '../../src/deals/close.ts'
import { tryLockRollups } from '../../src/database/locks.ts'
import type { PartnerDetail } from '../../src/partners/schemas.ts'
import { createRecord } from '../../src/record/record.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { rebuildRollups, verifyRollups } from '../../src/rollups/verify.ts'
import { givenHistory } from '../analytics/random-history.ts'
import { createRandom } from '../support/random.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const defaults = {
  calendar: createCalendar('UTC'),
  currency: 'USD',
  close_grace_minutes: 60,
  lookback_days: null,
}
const none = {
  deal_rollups: 0,
  partner_rollups: 0,
  touchpoint_rollups: 0,
  partner_touchpoint_rollups: 0,
  partner_deals: 0,
}

async function countDiffering({ db }: TestApp): Promise<Record<string, number>> {
  return Object.fromEntries((await verifyRollups(db)).map(({ name, differing }) => [name, differing]))
}

async function countUnfolded({ db }: TestApp): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select ((select count(*) from deal_deltas) + (select count(*) from partner_deltas)
      + (select count(*) from touchpoint_deltas))::int as count`.execute(db)
  return rows[0]?.count ?? 0
}

t.test('rollups match the record before and after a fold', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(2), 60)

  t.ok((await countUnfolded(service)) > 0)
  t.strictSame(await countDiffering(service), none)

  await foldChanges(service.db)

  t.equal(await countUnfolded(service), 0)
  t.strictSame(await countDiffering(service), none)
})

t.test('an instance folds nothing while another instance holds the rollups', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(4), 10)
  const unfolded = await countUnfolded(service)

  await service.db.transaction().execute(async (trx) => {
    t.ok(await tryLockRollups(trx))
    await foldChanges(service.db)
  })

  t.ok(unfolded > 0)
  t.equal(await countUnfolded(service), unfolded)
})

t.test('verifyRollups finds wrong rollups and rebuildRollups repairs them', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(3), 40)
  await foldChanges(service.db)
  await sql`update partner_rollups set payout_minor = payout_minor + 1 where span = 'month'
    and (partner_id, currency, starts) = (select partner_id, currency, starts from partner_rollups where span = 'month' limit 1)`.execute(
    service.db,
  )
  await sql`delete from touchpoint_rollups where span = 'year'`.execute(connectAsOwner(t, service.url))
  await sql`
    insert into deal_deltas (deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor,
      commission_minor)
    values ('d0', '2024-01-01', 'USD', 'equal', 1, 5, 5, 0)`.execute(service.db)
  await sql`delete from partner_deals where partner_id = 'p0'`.execute(service.db)

  const found = await countDiffering(service)
  await rebuildRollups(service.db)

  t.match(found, { deal_rollups: 3, partner_rollups: 1, partner_touchpoint_rollups: 0 })
  t.ok((found['touchpoint_rollups'] ?? 0) > 0)
  t.ok((found['partner_deals'] ?? 0) > 0)
  t.strictSame(await countDiffering(service), none)
  await foldChanges(service.db)
  t.strictSame(await countDiffering(service), none)
})

t.test('rollups stay correct when they are rebuilt and folded while deals close and move', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const closers = Array.from({ length: 8 }, async (_, closer) => {
    for (let number = 0; number < 15; number += 1) {
      const deal_id = `d${closer}-${number}`
      await givenEvent(service, { partner_id: 'p1', deal_id, timestamp: '2024-01-01T00:00:00Z' })
      await givenDeal(service, { id: deal_id, closed_date: '2024-01-02T03:00:00Z' })
      await service.call('PATCH', `/deals/${deal_id}`, { closed_date: '2024-03-04T05:00:00Z' })
    }
  })

  const closing = Promise.all(closers)
  for (let round = 0; round < 5; round += 1) {
    await sql`delete from partner_deals where hashtext(deal_id) % 2 = 0`.execute(service.db)
    await sql`update partner_rollups set deals = deals + 1 where span = 'month'`.execute(service.db)
    await Promise.all([foldChanges(service.db), rebuildRollups(service.db), foldChanges(service.db)])
  }
  await closing

  t.strictSame(await countDiffering(service), none)
  const partner = await service.call('GET', '/partners/p1')
  t.match(partner.json(), { stats: { total_deals: 120, total_payout: 12_000, total_attributions: 120 } })
})

t.test('an uncommitted close does not block other deals of its partner', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  for (const deal_id of ['d1', 'd2']) {
    await givenEvent(service, { partner_id: 'p1', deal_id, timestamp: '2024-01-01T00:00:00Z' })
  }
  const first = { id: 'd1', amount: 100, attribution_model: 'equal' } as const
  const count = async () =>
    (await service.call('GET', '/partners/p1')).json<PartnerDetail>().stats.total_deals

  const close = createClosing(service.db, createRecord({ calendar: createCalendar('UTC') }), defaults)
  await service.db.transaction().execute(async (trx) => {
    await close({ sent: first, keyId: 'key' }).alone(trx)
    const other = await service.call('POST', '/deals', { ...first, id: 'd2' })
    await foldChanges(service.db)

    t.equal(other.statusCode, 201)
    t.equal(await count(), 1)
  })

  t.equal(await count(), 2)
})

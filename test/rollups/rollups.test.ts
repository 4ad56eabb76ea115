import { sql } from 'kysely'
import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import { connect } from '../../src/database/connect.ts'
import { closeDeal } from '../../src/deals/close.ts'
import type { PartnerDetail } from '../../src/partners/schemas.ts'
import { foldChanges, keepFolding } from '../../src/rollups/fold.ts'
import { rebuildRollups, verifyRollups } from '../../src/rollups/verify.ts'
import { givenHistory } from '../analytics/history.ts'
import { createDice } from '../support/dice.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/given.ts'

const defaults = { currency: 'USD', close_grace_minutes: 60, lookback_days: null }
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

t.test('rollups are what the record says, before they are folded and after', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createDice(2), 60)

  t.ok((await countUnfolded(service)) > 0)
  t.strictSame(await countDiffering(service), none)

  await foldChanges(service.db)

  t.equal(await countUnfolded(service), 0)
  t.strictSame(await countDiffering(service), none)
})

t.test('a rollup that is not what the record says is found, and mended', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createDice(3), 40)
  await foldChanges(service.db)
  await sql`update partner_rollups set payout_minor = payout_minor + 1 where span = 'month'
    and (partner_id, currency, starts) = (select partner_id, currency, starts from partner_rollups where span = 'month' limit 1)`.execute(
    service.db,
  )
  await sql`delete from touchpoint_rollups where span = 'year'`.execute(connectAsOwner(t, service.url))
  await sql`
    insert into deal_deltas (deal_id, hour, currency, attribution_model, deals, revenue_minor, unattributed_minor)
    values ('d0', '2024-01-01T00:00:00Z', 'USD', 'equal', 1, 5, 5)`.execute(service.db)
  await sql`delete from partner_deals where partner_id = 'p0'`.execute(service.db)

  const found = await countDiffering(service)
  await rebuildRollups(service.db)

  t.match(found, { deal_rollups: 6, partner_rollups: 1, partner_touchpoint_rollups: 0 })
  t.ok((found['touchpoint_rollups'] ?? 0) > 0)
  t.ok((found['partner_deals'] ?? 0) > 0)
  t.strictSame(await countDiffering(service), none)
  await foldChanges(service.db)
  t.strictSame(await countDiffering(service), none)
})

t.test('rollups are mended and folded while deals close and move', async (t) => {
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

t.test('a close that is not committed yet keeps no other deal of its partner waiting', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  for (const deal_id of ['d1', 'd2']) {
    await givenEvent(service, { partner_id: 'p1', deal_id, timestamp: '2024-01-01T00:00:00Z' })
  }
  const first = { id: 'd1', amount: 100, attribution_model: 'equal' } as const
  const count = async () =>
    (await service.call('GET', '/partners/p1')).json<PartnerDetail>().stats.total_deals

  await service.db.transaction().execute(async (trx) => {
    await closeDeal(trx, attribute, defaults, first)
    const other = await service.call('POST', '/deals', { ...first, id: 'd2' })
    await foldChanges(service.db)

    t.equal(other.statusCode, 201)
    t.equal(await count(), 1)
  })

  t.equal(await count(), 2)
})

t.test('a service keeps folding until it is stopped', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createDice(10), 10)

  const folding = keepFolding(service.db, console)
  while ((await countUnfolded(service)) > 0);
  await folding.stop()

  t.strictSame(await countDiffering(service), none)
})

t.test('a service that cannot fold says so and stops when it is told', async (t) => {
  const nowhere = connect({ url: 'postgres://nobody@127.0.0.1:1/none', log: console })
  t.teardown(() => nowhere.destroy())
  const { promise: logged, resolve } = Promise.withResolvers<string>()

  const folding = keepFolding(nowhere, { error: (_details, message) => resolve(message), debug: () => {} })

  t.equal(await logged, 'the rollups could not be folded')
  await folding.stop()
})

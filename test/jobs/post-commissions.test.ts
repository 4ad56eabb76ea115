import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createPosting } from '../../src/jobs/post-commissions.ts'
import { verifyLedger } from '../../src/ledger/verify.ts'
import { createRecord } from '../../src/record/record.ts'
import { createLedger, givenLateTouch, givenSplitDeal, readMoves } from '../ledger/fixtures.ts'
import type { TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'

/** Makes all deals those of a release without commissions. */
async function forgetCommissions(t: Test, { url }: TestApp) {
  const owner = connectAsOwner(t, url)
  for (const table of ['ledger_moves', 'commission_lines', 'commission_versions']) {
    await sql`alter table ${sql.table(table)} disable trigger user`.execute(owner)
    await sql`delete from ${sql.table(table)}`.execute(owner)
    await sql`alter table ${sql.table(table)} enable trigger user`.execute(owner)
  }
  await sql`update deals set commission_version = 0`.execute(owner)
}

const listVersions = ({ db }: TestApp) =>
  db.selectFrom('deals').select(['id', 'version', 'updated_at', 'commission_version']).orderBy('id').execute()

t.test('deals of an earlier release post what they owe, and no split changes', async (t) => {
  const service = await createLedger(t)
  const full = { commission_plan_id: 'full' }
  await givenSplitDeal(service, 'd1', full)
  await givenLateTouch(service, 'd1')
  await givenSplitDeal(service, 'd2', full)
  await service.call('POST', '/deals/d2/void', { reason: 'wrong' })
  const before = await listVersions(service)
  await forgetCommissions(t, service)

  await createPosting(service.db, createRecord({ calendar: service.calendar }))()

  t.strictSame(
    await listVersions(service),
    before.map((deal) => ({ ...deal, commission_version: 1 })),
  )
  t.strictSame(await readMoves(service, 'd1'), [
    [1, 'p1', 'USD', 3_529_412, '2024-01', '2024-01-20', '2024-01-20'],
    [1, 'p2', 'USD', 1_470_588, '2024-01', '2024-01-20', '2024-01-20'],
  ])
  t.strictSame(await readMoves(service, 'd2'), [])
  t.strictSame(
    (await verifyLedger(service.db)).filter(({ wrong }) => wrong > 0),
    [],
  )
})

t.test('a deal of an earlier release that changes first posts what it owes then', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1', { commission_plan_id: 'full' })
  await forgetCommissions(t, service)

  await givenLateTouch(service, 'd1')

  t.strictSame(await readMoves(service, 'd1'), [
    [1, 'p1', 'USD', 3_529_412, '2024-01', '2024-01-20', '2024-01-20'],
    [1, 'p2', 'USD', 1_470_588, '2024-01', '2024-01-20', '2024-01-20'],
  ])
})

t.test('two instances post each deal once', async (t) => {
  const service = await createLedger(t)
  for (let n = 0; n < 5; n++) await givenSplitDeal(service, `d${n}`, { commission_plan_id: 'full' })
  await forgetCommissions(t, service)
  const post = createPosting(service.db, createRecord({ calendar: service.calendar }))

  await Promise.all([post(), post(), post()])

  const { rows } = await sql`select count(*)::int, max(source_version) from ledger_moves`.execute(service.db)
  t.strictSame(rows, [{ count: 10, max: 1 }])
})

import { type Kysely, sql } from 'kysely'
import t, { type Test } from 'tap'
import type { Database } from '../../src/database/tables.ts'
import { runSteps } from '../../src/jobs/run-steps.ts'
import { freezeNextMonth } from '../../src/ledger/freeze.ts'
import { verifyLedger } from '../../src/ledger/verify.ts'
import { connectAsOwner } from '../support/database.ts'
import { createLedger, givenLateTouch, givenSplitDeal } from './fixtures.ts'

async function findWrong(db: Kysely<Database>) {
  return (await verifyLedger(db)).filter(({ wrong }) => wrong > 0)
}

/** Runs a statement with the triggers of its table off. */
async function plant(owner: Kysely<Database>, table: string, fault: string) {
  await sql`alter table ${sql.table(table)} disable trigger all`.execute(owner)
  await sql.raw(fault).execute(owner)
  await sql`alter table ${sql.table(table)} enable trigger all`.execute(owner)
}

async function givenBooks(t: Test) {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')
  await givenSplitDeal(service, 'd2')
  await givenLateTouch(service, 'd1')
  await service.call('POST', '/deals/d2/void', { reason: 'wrong' })
  const owner = connectAsOwner(t, service.url)
  await sql`
    insert into periods (month, moves_count, digest, locked_at)
    select period, count(*), ledger_digest(period), clock_timestamp() from ledger_moves group by period`.execute(
    owner,
  )
  await runSteps(() => freezeNextMonth(service.db))
  return owner
}

t.test('a correct ledger has nothing wrong', async (t) => {
  t.strictSame(await findWrong(await givenBooks(t)), [])
})

const faults = {
  'deals that have posted nothing yet': {
    table: 'deals',
    fault: `update deals set commission_version = 0 where id = 'd2'`,
  },
  'deals that have not posted what they owe': {
    table: 'commission_lines',
    fault: `update commission_lines set commission_minor = commission_minor + 1 where deal_id = 'd1' and version = 2
      and partner_id = 'p1'`,
  },
  'locked months that have changed': {
    table: 'ledger_moves',
    fault: `update ledger_moves set posted_at = posted_at + interval '1 ms' where deal_id = 'd1' and source_version = 1
      and line = 1`,
  },
  'stored statements that do not follow from the one before': {
    table: 'statements',
    fault: `update statements set csv = replace(csv, '4800', '4900') where partner_id = 'p1'`,
  },
  'stored statements that do not add up': {
    table: 'statements',
    fault: `update statements set closing_minor = closing_minor + 1 where partner_id = 'p1'`,
  },
  'moves before the month of their fact': {
    table: 'ledger_moves',
    fault: `insert into ledger_moves select 'x', 'adjustment', 'x', 1, 1, 'manual', partner_id, currency, debit, credit, 1,
      '2023-12-01', effective_on, available_on, posted_at from ledger_moves limit 1`,
  },
}

for (const [name, { table, fault }] of Object.entries(faults))
  t.test(`a planted fault is found: ${name}`, async (t) => {
    const owner = await givenBooks(t)

    await plant(owner, table, fault)

    t.strictSame(await findWrong(owner), [{ name, wrong: 1 }])
  })

t.test('a void deal that owes something is found', async (t) => {
  const owner = await givenBooks(t)

  await plant(owner, 'deals', `update deals set voided_at = now(), void_reason = 'x' where id = 'd1'`)

  t.strictSame(await findWrong(owner), [{ name: 'void deals that owe something', wrong: 2 }])
})

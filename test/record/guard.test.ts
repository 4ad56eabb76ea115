import { type Kysely, sql } from 'kysely'
import t, { type Test } from 'tap'
import type { Database } from '../../src/database/tables.ts'
import { createApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

async function givenSplitDeal(t: Test) {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1' })
  await givenDeal(service, { id: 'd1', amount: 100 })
  return service
}

// insertVersion and insertShare copy stored rows, with values that a faulty service might write.
function insertVersion(db: Kysely<Database>, unattributed: number, unattributedPercentage = 0) {
  return sql`
    insert into attributions
    select (jsonb_populate_record(a, jsonb_build_object('version', 2, 'unattributed_minor', ${unattributed}::int,
      'unattributed_bp', ${unattributedPercentage}::int,
      'transaction_id', pg_current_xact_id()::text,
      'calculated_at', date_trunc('milliseconds', clock_timestamp())))).*
    from attributions a`.execute(db)
}

interface WrittenShare {
  readonly version: number
  readonly payout: number
  readonly percentage: number
  readonly partner?: string
}

function insertShare(db: Kysely<Database>, { version, payout, percentage, partner = 'p1' }: WrittenShare) {
  return sql`
    insert into shares
    select (jsonb_populate_record(p, jsonb_build_object('version', ${version}::int, 'partner_id', ${partner}::text,
      'payout_minor', ${payout}::int, 'percentage_bp', ${percentage}::int))).*
    from shares p`.execute(db)
}

function refusal(constraint: string): Error {
  return { constraint } as unknown as Error
}

t.test('the database refuses a version whose shares and unattributed amount do not add up', async (t) => {
  const { db } = await givenSplitDeal(t)

  const refused = db.transaction().execute(async (trx) => {
    await insertVersion(trx, 0)
    await insertShare(trx, { version: 2, payout: 9999, percentage: 10_000 })
  })

  await t.rejects(refused, refusal('attributions_add_up'))
})

t.test('a version without shares must leave its whole amount unattributed', async (t) => {
  const { db } = await givenSplitDeal(t)

  await t.rejects(insertVersion(db, 9999), refusal('attributions_add_up'))
  await insertVersion(db, 10_000)

  const { count } = await db
    .selectFrom('attributions')
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  t.equal(count, 2n)
})

t.test('the percentages and what an agreement leaves add up to 100.00', async (t) => {
  const { db } = await givenSplitDeal(t)
  const insert = (left: number) =>
    db.transaction().execute(async (trx) => {
      await insertVersion(trx, 4000, left)
      await insertShare(trx, { version: 2, payout: 6000, percentage: 6000 })
    })

  await t.rejects(insert(3999), refusal('attributions_percentages_add_up'))
  await t.resolves(insert(4000))
})

t.test('the database refuses a version whose percentages do not add up to 100.00', async (t) => {
  const { db } = await givenSplitDeal(t)

  const refused = db.transaction().execute(async (trx) => {
    await insertVersion(trx, 0)
    await insertShare(trx, { version: 2, payout: 10_000, percentage: 9999 })
  })

  await t.rejects(refused, refusal('attributions_percentages_add_up'))
})

t.test(
  'the database refuses a share for a version of an earlier transaction, even a share of 0',
  async (t) => {
    const { db } = await givenSplitDeal(t)

    await t.rejects(
      insertShare(db, { version: 1, payout: 0, percentage: 0, partner: 'p2' }),
      refusal('shares_of_new_version'),
    )
  },
)

t.test('versions and shares cannot be changed or deleted', async (t) => {
  const { url } = await givenSplitDeal(t)
  const owner = connectAsOwner(t, url)

  for (const table of ['attributions', 'shares', 'payout_reveals'] as const) {
    await t.rejects(sql`delete from ${sql.table(table)}`.execute(owner), {
      message: `${table} is append-only`,
    })
    await t.rejects(sql`truncate ${sql.table(table)} cascade`.execute(owner), { message: /is append-only/ })
  }
  await t.rejects(sql`update attributions set amount_minor = 1`.execute(owner), {
    message: 'attributions is append-only',
  })
  await t.rejects(sql`update shares set payout_minor = 1`.execute(owner), {
    message: 'shares is append-only',
  })
})

t.test(
  'the database refuses a share for a restored version that has the current transaction id',
  async (t) => {
    const { url } = await givenSplitDeal(t)
    const owner = connectAsOwner(t, url)

    const refused = owner.transaction().execute(async (trx) => {
      await sql`alter table attributions disable trigger attributions_append_only`.execute(trx)
      await sql`update attributions set transaction_id = pg_current_xact_id()`.execute(trx)
      await insertShare(trx, { version: 1, payout: 0, percentage: 0, partner: 'p2' })
    })

    await t.rejects(refused, refusal('shares_of_new_version'))
  },
)

import { setTimeout } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import { tryLockRollups } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { type Rollup, rollups } from './rollups.ts'
import { addInto, columnsOf, sumsOf, toSpans } from './statements.ts'

export interface Checked {
  readonly name: string
  /** Rows that are not what the record says. */
  readonly differing: number
}

/** Works every figure out from the record, beside the rollups and in one snapshot, and counts those that differ. */
export function verifyRollups(db: Kysely<Database>): Promise<Checked[]> {
  return inOneSnapshot(db, async (trx) => {
    const checked: Checked[] = []
    for (const rollup of rollups) {
      checked.push({
        name: rollup.table,
        differing: await count(trx, sql`select from (${differences(rollup)}) as wrong`),
      })
    }
    return [...checked, { name: 'partner_deals', differing: await countWrongPartnerDeals(trx) }]
  })
}

/** Makes every rollup what the record says, while the service runs: only rows that differ are written. */
export async function rebuildRollups(db: Kysely<Database>): Promise<Checked[]> {
  for (;;) {
    const mended = await inOneSnapshot(db, async (trx) => {
      if (!(await tryLockRollups(trx))) return undefined
      const mended: Checked[] = []
      for (const rollup of rollups) {
        const { numAffectedRows = 0n } = await addInto(rollup, differences(rollup)).execute(trx)
        mended.push({ name: rollup.table, differing: Number(numAffectedRows) })
      }
      return [...mended, { name: 'partner_deals', differing: await mendPartnerDeals(trx) }]
    })
    if (mended !== undefined) return mended
    await setTimeout(50)
  }
}

// What the record says, less the rollup, less what is still to be folded into it.
function differences(rollup: Rollup): RawBuilder<unknown> {
  const { table, figures, keys, sums } = rollup
  const columns = columnsOf(keys)
  const negated = sql.join(sums.map((name) => sql`-${sql.ref(name)} as ${sql.ref(name)}`))
  const isOff = sql.join(
    sums.map((name) => sql`sum(${sql.ref(name)}) <> 0`),
    sql` or `,
  )
  return sql`
    with days as (
      select day, ${columns}, ${sumsOf(rollup)} from ${sql.table(`${figures}_figures`)} group by day, ${columns}
    ), unfolded as (
      select day, ${columns}, ${negated} from ${sql.table(`${figures}_changes`)}
    ), parts as (
      select * from ${toSpans(rollup, sql`days`)}
      union all select * from ${toSpans(rollup, sql`unfolded`)}
      union all select span, starts, ${columns}, ${negated} from ${sql.table(table)}
    )
    select span, starts, ${columns}, ${sumsOf(rollup)} from parts
    group by span, starts, ${columns} having ${isOff} order by span, starts`
}

const recordedPartnerDeals = sql`
  select distinct partner_id, closed_date, deal_id from events join deals on deals.id = deal_id`
const missing = sql`${recordedPartnerDeals} except select partner_id, closed_date, deal_id from partner_deals`
const surplus = sql`select partner_id, closed_date, deal_id from partner_deals except ${recordedPartnerDeals}`

async function countWrongPartnerDeals(trx: Transaction<Database>): Promise<number> {
  return (await count(trx, missing)) + (await count(trx, surplus))
}

async function mendPartnerDeals(trx: Transaction<Database>): Promise<number> {
  const removed = await sql`
    delete from partner_deals where (partner_id, closed_date, deal_id) in (${surplus})`.execute(trx)
  const added = await sql`insert into partner_deals (partner_id, closed_date, deal_id) ${missing}`.execute(
    trx,
  )
  return Number((removed.numAffectedRows ?? 0n) + (added.numAffectedRows ?? 0n))
}

async function count(trx: Transaction<Database>, rows: RawBuilder<unknown>): Promise<number> {
  const { rows: counted } = await sql<{ count: number }>`
    select count(*)::int as count from (${rows}) as counted`.execute(trx)
  return counted[0]?.count ?? 0
}

function inOneSnapshot<Result>(
  db: Kysely<Database>,
  work: (trx: Transaction<Database>) => Promise<Result>,
): Promise<Result> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      // Over everything that was ever recorded this may take minutes.
      await sql`set local statement_timeout = 0`.execute(trx)
      return work(trx)
    })
}

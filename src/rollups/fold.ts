import { type Kysely, sql } from 'kysely'
import { tryLockRollups } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { type Rollup, rollups } from './rollups.ts'
import { addInto, columnsOf, sumsOf, toSpans } from './sql.ts'

const batchSize = 20_000

/** Adds the deltas to the rollups in batches, until none are left. Does nothing while another instance folds. */
export async function foldChanges(db: Kysely<Database>): Promise<void> {
  for (const targets of Map.groupBy(rollups, ({ source }) => source).values()) {
    let folded: number
    do folded = await foldBatch(db, targets)
    while (folded === batchSize)
  }
}

function foldBatch(db: Kysely<Database>, targets: readonly Rollup[]): Promise<number> {
  const [{ source }] = targets as [Rollup]
  const deltas = sql.table(`${source}_deltas`)
  const additions = targets.map(
    (rollup) =>
      sql`${sql.table(`into_${rollup.table}`)} as (${addInto(
        rollup,
        sql`select span, starts, ${columnsOf(rollup.keys)}, ${sumsOf(rollup)} from ${toSpans(rollup, sql`taken`)}
        group by span, starts, ${columnsOf(rollup.keys)} order by span, starts`,
      )})`,
  )
  return db.transaction().execute(async (trx) => {
    if (!(await tryLockRollups(trx))) return 0
    const { rows } = await sql<{ count: number }>`
      with taken as materialized (
        delete from ${deltas} where ctid = any(array(select ctid from ${deltas} limit ${batchSize})) returning *
      ), ${sql.join(additions)}
      select count(*)::int as count from taken`.execute(trx)
    return rows[0]?.count ?? 0
  })
}

import { setTimeout } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { Log } from '../database/connect.ts'
import { tryLockRollups } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { type Rollup, rollups } from './rollups.ts'
import { addInto, columnsOf, sumsOf, toSpans } from './sql.ts'

const batchSize = 20_000
const restMs = 1000

/** Folds what has changed into the rollups, a batch at a time, until nothing is left or another instance does it. */
export async function foldChanges(db: Kysely<Database>): Promise<void> {
  for (const targets of Map.groupBy(rollups, ({ figures }) => figures).values()) {
    let folded: number
    do folded = await foldBatch(db, targets)
    while (folded === batchSize)
  }
}

/** Folds every second until it is stopped. */
export function keepFolding(db: Kysely<Database>, log: Log): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const folding = fold()
  return {
    stop() {
      stopping.abort()
      return folding
    },
  }

  async function fold(): Promise<void> {
    while (!stopping.signal.aborted) {
      await foldChanges(db).catch((err: unknown) => log.error({ err }, 'the rollups could not be folded'))
      await setTimeout(restMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
}

function foldBatch(db: Kysely<Database>, targets: readonly Rollup[]): Promise<number> {
  const [{ figures }] = targets as [Rollup]
  const changes = sql.table(`${figures}_deltas`)
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
        delete from ${changes} where ctid = any(array(select ctid from ${changes} limit ${batchSize})) returning *
      ), ${sql.join(additions)}
      select count(*)::int as count from taken`.execute(trx)
    return rows[0]?.count ?? 0
  })
}

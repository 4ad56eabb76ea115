import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from './tables.ts'

const batchSize = 5000

/**
 * Deletes the rows for which the condition holds, 5,000 per statement, so that no statement takes long. Rows that another
 * transaction has locked are left for the next run. Returns the number of deleted rows.
 */
export async function deleteInBatches(
  db: Kysely<Database>,
  table: 'idempotency_keys' | 'rate_limits',
  condition: RawBuilder<boolean>,
): Promise<number> {
  const rows = sql.table(table)
  let deleted = 0
  for (;;) {
    // The lock also rechecks the condition: a row that was renewed since the statement began is kept.
    const { numAffectedRows = 0n } = await sql`
      delete from ${rows}
      where ctid = any(array(
        select ctid from ${rows} where ${condition} limit ${batchSize} for update skip locked
      ))`.execute(db)
    deleted += Number(numAffectedRows)
    if (numAffectedRows < batchSize) return deleted
  }
}

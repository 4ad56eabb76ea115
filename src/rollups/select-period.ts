import { type RawBuilder, sql } from 'kysely'
import { decompose, type Period } from './decompose.ts'
import type { Rollup } from './rollups.ts'
import { columnsOf } from './sql.ts'

/**
 * The rows of a rollup for a period: from the rollup, from the deltas that are not folded yet and, for parts of hours, from
 * the record. Rows to subtract have negative sums, so sum up all rows before you filter by a sum; `filter` may only use
 * keys. Run statements whose results must agree in one snapshot.
 */
export function selectPeriod(
  { table, source, keys, sums }: Rollup,
  period: Period,
  filter: RawBuilder<boolean>,
) {
  const { pieces, hours, parts } = decompose(period)
  const columns = (sign: number) =>
    sql`${columnsOf(keys)}, ${sql.join(
      sums.map((sum) => (sign < 0 ? sql`-${sql.ref(sum)} as ${sql.ref(sum)}` : sql.ref(sum))),
    )}`
  const branches = [
    sql`
      select ${columns(1)} from ${sql.table(`${source}_deltas`)}
      where hour >= ${hours.from} and hour < ${hours.before} and ${filter}`,
    ...pieces.map(
      ({ of, sign, from, before }) => sql`
        select ${columns(sign)} from ${sql.table(table)}
        where span = ${of} and starts >= ${from} and starts < ${before} and ${filter}`,
    ),
    ...parts.map(
      ({ sign, from, before }) => sql`
        select ${columns(sign)} from ${sql.table(`${source}_figures`)}
        where at >= ${from} and at < ${before} and ${filter}`,
    ),
  ]
  return sql`(${sql.join(branches, sql` union all `)}) as period_rows`
}

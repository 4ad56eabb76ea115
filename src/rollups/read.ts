import { type RawBuilder, sql } from 'kysely'
import { coverOf, type Period } from './decompose.ts'
import type { Rollup } from './rollups.ts'
import { columnsOf } from './sql.ts'

/**
 * Rows of a rollup's keys and sums that add up to the figures of a period: from the rollups, from what is not folded into
 * them yet and, for parts of hours, from the record itself. Some are there to be taken away: add all up before looking
 * at any. `filter` is on keys. Read all figures that must agree with one another in one snapshot.
 */
export function figuresOf(
  { table, figures, keys, sums }: Rollup,
  period: Period,
  filter: RawBuilder<boolean>,
) {
  const { pieces, hours, parts } = coverOf(period)
  const columns = (sign: number) =>
    sql`${columnsOf(keys)}, ${sql.join(
      sums.map((sum) => (sign < 0 ? sql`-${sql.ref(sum)} as ${sql.ref(sum)}` : sql.ref(sum))),
    )}`
  const branches = [
    sql`
      select ${columns(1)} from ${sql.table(`${figures}_deltas`)}
      where hour >= ${hours.from} and hour < ${hours.before} and ${filter}`,
    ...pieces.map(
      ({ of, sign, from, before }) => sql`
        select ${columns(sign)} from ${sql.table(table)}
        where span = ${of} and starts >= ${from} and starts < ${before} and ${filter}`,
    ),
    ...parts.map(
      ({ sign, from, before }) => sql`
        select ${columns(sign)} from ${sql.table(`${figures}_figures`)}
        where at >= ${from} and at < ${before} and ${filter}`,
    ),
  ]
  return sql`(${sql.join(branches, sql` union all `)}) as figures`
}

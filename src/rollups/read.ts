import { type RawBuilder, sql } from 'kysely'
import { coverOf, type Period } from './cover.ts'
import type { Rollup } from './rollups.ts'

/**
 * Rows of a rollup's keys and sums that add up to the figures of a period: its whole years, months and days, what is not
 * folded into them yet, and from the record itself the parts of days. `filter` is on keys. Read all figures that must
 * agree with one another in one snapshot.
 */
export function figuresOf(
  { table, figures, keys, sums }: Rollup,
  period: Period,
  filter: RawBuilder<boolean>,
) {
  const { pieces, days, parts } = coverOf(period)
  const columns = sql.join([...keys, ...sums].map((column) => sql.ref(column)))
  const branches = [
    ...pieces.map(
      ({ span, from, before }) => sql`
        select ${columns} from ${sql.table(table)}
        where span = ${span} and starts >= ${from} and starts < ${before} and ${filter}`,
    ),
    sql`
      select ${columns} from ${sql.table(`${figures}_changes`)}
      where day >= ${days.from} and day < ${days.before} and ${filter}`,
    ...parts.map(
      ({ from, before }) => sql`
        select ${columns} from ${sql.table(`${figures}_figures`)}
        where at >= ${from} and at < ${before} and ${filter}`,
    ),
  ]
  return sql`(${sql.join(branches, sql` union all `)}) as figures`
}

import { type RawBuilder, sql } from 'kysely'
import type { Days } from '../values/periods.ts'
import { decompose } from './decompose.ts'
import type { Rollup } from './rollups.ts'
import { columnsOf } from './sql.ts'

/**
 * The rows of a rollup for a period: from the rollup, and from the deltas that are not folded yet. These may be negative, so
 * sum up all rows before you filter by a sum; `filter` may only use keys. Run statements whose results must agree in one
 * snapshot.
 */
export function selectPeriod({ table, source, keys, sums }: Rollup, days: Days, filter: RawBuilder<boolean>) {
  const columns = columnsOf([...keys, ...sums])
  const isWithin = [
    ...(days.first === undefined ? [] : [sql`day >= ${days.first}`]),
    ...(days.last === undefined ? [] : [sql`day <= ${days.last}`]),
    filter,
  ]
  const branches = [
    sql`select ${columns} from ${sql.table(`${source}_deltas`)} where ${sql.join(isWithin, sql` and `)}`,
    ...decompose(days).map(
      ({ span, first, last }) => sql`
        select ${columns} from ${sql.table(table)}
        where span = ${span} and starts >= ${first} and starts <= ${last} and ${filter}`,
    ),
  ]
  return sql`(${sql.join(branches, sql` union all `)}) as period_rows`
}

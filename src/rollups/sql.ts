import { type RawBuilder, sql } from 'kysely'
import type { Rollup } from './rollups.ts'

export function columnsOf(names: readonly string[]): RawBuilder<unknown> {
  return sql.join(names.map((name) => sql.ref(name)))
}

/** The sums of a rollup, each under its own name. */
export function sumsOf({ sums }: Rollup): RawBuilder<unknown> {
  return sql.join(sums.map((name) => sql`sum(${sql.ref(name)}) as ${sql.ref(name)}`))
}

/** Repeats rows that have a day for each span of the rollup, with the start of that span. */
export function toSpans({ spans, keys, sums }: Rollup, rows: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(
    select span, date_trunc(span, day::timestamp)::date as starts, ${columnsOf([...keys, ...sums])}
    from ${rows} cross join unnest(${spans}::text[]) as span) as spread`
}

/** Upserts rows into a rollup: adds to the sums of existing keys and inserts the others. */
export function addInto({ table, keys, sums }: Rollup, rows: RawBuilder<unknown>): RawBuilder<unknown> {
  const additions = sums.map(
    (name) => sql`${sql.ref(name)} = ${sql.ref(`${table}.${name}`)} + ${sql.ref(`excluded.${name}`)}`,
  )
  return sql`
    insert into ${sql.table(table)} (span, starts, ${columnsOf([...keys, ...sums])}) ${rows}
    on conflict (span, starts, ${columnsOf(keys)}) do update set ${sql.join(additions)}`
}

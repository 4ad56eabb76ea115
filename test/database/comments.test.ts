import { sql } from 'kysely'
import t from 'tap'
import { createApp } from '../support/app.ts'

// The names of most columns of these types say enough.
const plain = ['text', 'timestamptz']

t.test(
  'every table, view and column has a comment, except columns of type text and timestamptz',
  async (t) => {
    const { db } = await createApp(t)

    const { rows } = await sql<{ name: string }>`
    with relations as (
      select oid, relkind, relname from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and relname not like 'kysely%'
    )
    select relname as name from relations where obj_description(oid, 'pg_class') is null
    union all
    select relname || '.' || attname
    from relations join pg_attribute on attrelid = relations.oid join pg_type on pg_type.oid = atttypid
    where relkind <> 'v' and attnum > 0 and not attisdropped
      and typname <> all (${plain}) and col_description(attrelid, attnum) is null`.execute(db)

    t.strictSame(
      rows.map(({ name }) => name),
      [],
    )
  },
)

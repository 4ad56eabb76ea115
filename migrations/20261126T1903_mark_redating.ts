import { type Kysely, sql } from 'kysely'

/** A change of the time zone that was interrupted has to go on before the service may start. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table calendar add column is_redating boolean not null default false`.execute(db)
  await sql`
    comment on column calendar.is_redating is 'Whether npm run rezone has begun to date rows in time_zone and has not ended.'`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table calendar drop column is_redating`.execute(db)
}

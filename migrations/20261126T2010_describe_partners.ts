import { type Kysely, sql } from 'kysely'

/** A partner may have no e-mail address; it may have a group and data of the client. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table partners alter column email drop not null, add column "group" text, add column metadata json`.execute(
    db,
  )
  await sql`create index partners_of_group on partners ("group", id)`.execute(db)
  await sql`
    comment on column partners.email is 'Unique without regard to case. In lower case if it has other than ASCII characters.'`.execute(
    db,
  )
  await sql`comment on column partners.metadata is 'The JSON object of the client, as it was sent.'`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index partners_of_group`.execute(db)
  await sql`
    alter table partners alter column email set not null, drop column "group", drop column metadata`.execute(
    db,
  )
}

import { type Kysely, sql } from 'kysely'

/** A deal may have a name and data of the client. Its split does not read them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table deals add column name text, add column metadata json`.execute(db)
  await sql`comment on column deals.metadata is 'The JSON object of the client, as it was sent.'`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table deals drop column name, drop column metadata`.execute(db)
}

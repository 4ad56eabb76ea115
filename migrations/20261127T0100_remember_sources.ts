import { type Kysely, sql } from 'kysely'

/** What each source (an export that comes again and again) holds, so that what it lacks can be voided. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table source_items (
      source text collate "C" not null,
      kind text not null constraint source_items_kind check (kind in ('deal', 'event')),
      id text collate "C" not null,
      missing_since timestamptz,
      primary key (source, kind, id)
    )`.execute(db)
  await sql`
    comment on table source_items is 'The deals and events that a source has listed (POST /import/presence).'`.execute(
    db,
  )
  await sql`
    comment on column source_items.missing_since is 'When the source first lacked it. Null: its last list has it.'`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table source_items`.execute(db)
}

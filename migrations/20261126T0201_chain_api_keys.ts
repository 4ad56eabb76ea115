import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // lineage is the id of the first key of a chain of rotations; a key that is the first of its chain leaves it null, as
  // does every key that the release before makes.
  await sql`
    alter table api_keys
      add column rotated_from text collate "C" constraint api_keys_rotated_from_known references api_keys (id),
      add column lineage text collate "C" constraint api_keys_lineage_known references api_keys (id),
      add constraint api_keys_rotation_whole check ((rotated_from is null) = (lineage is null))`.execute(db)
  await sql`create index api_keys_successors on api_keys (rotated_from)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table api_keys drop column rotated_from, drop column lineage`.execute(db)
}

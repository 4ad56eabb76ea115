import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // Unlogged: a count is worth nothing after its window, so it needs no journal and no wait for the disk.
  await sql`
    create unlogged table rate_limits (
      subject text collate "C" constraint rate_limits_pkey primary key,
      ends_at timestamptz(3) not null,
      taken bigint not null constraint rate_limits_taken_counted check (taken >= 0)
    )`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table rate_limits`.execute(db)
}

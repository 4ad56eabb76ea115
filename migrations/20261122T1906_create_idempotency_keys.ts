import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // The client's key itself is not stored: it salts request_hash, so that hash cannot be guessed from the table.
  await sql`
    create table idempotency_keys (
      key_hash bytea constraint idempotency_keys_pkey primary key,
      request_hash bytea not null,
      status smallint not null,
      answer json not null,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp())
    )`.execute(db)
  await sql`create index idempotency_keys_oldest on idempotency_keys (created_at)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table idempotency_keys`.execute(db)
}

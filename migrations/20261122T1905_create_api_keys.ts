import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table api_keys (
      id text collate "C" constraint api_keys_pkey primary key,
      name text not null,
      key_hash bytea not null constraint api_keys_hash_unique unique,
      scopes text[] not null,
      rate_limit_max integer constraint api_keys_limit_positive check (rate_limit_max > 0),
      expires_at timestamptz(3),
      revoked_at timestamptz(3),
      last_used_at timestamptz(3),
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp())
    )`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table api_keys`.execute(db)
}

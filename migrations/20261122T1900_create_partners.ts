import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table partners (
      id text collate "C" constraint partners_pkey primary key,
      name text not null,
      email text not null,
      status text not null default 'active' constraint partners_status_known check (status in ('active', 'inactive')),
      payout_details bytea,
      submission bytea not null,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      updated_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp())
    )`.execute(db)
  await sql`create unique index partners_email_taken on partners (lower(email))`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table partners`.execute(db)
}

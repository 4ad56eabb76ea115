import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // An event belongs to the versions of its deal from known_from up to, not including, void_from: what a replay needs.
  await sql`
    create table events (
      id text collate "C" constraint events_pkey primary key,
      deal_id text collate "C" not null,
      partner_id text collate "C" not null constraint events_partner_known references partners (id),
      touchpoint_type text not null constraint events_touchpoint_type_known
        check (touchpoint_type in ('referral', 'demo', 'intro', 'support', 'closer', 'other')),
      timestamp timestamptz(3) not null,
      metadata json,
      known_from integer not null,
      void_from integer,
      voided_at timestamptz(3),
      void_reason text,
      submission bytea not null,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      constraint events_void_has_reason
        check ((voided_at is null) = (void_reason is null) and (voided_at is null) = (void_from is null))
    )`.execute(db)
  await sql`create index events_of_deal on events (deal_id, timestamp, id)`.execute(db)
  await sql`create index events_of_partner on events (partner_id, timestamp, id)`.execute(db)
  await sql`create index events_newest on events (timestamp, id)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table events`.execute(db)
}

import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table payout_reveals (
      id text collate "C" constraint payout_reveals_pkey primary key,
      partner_id text collate "C" not null constraint payout_reveals_partner_known references partners (id),
      api_key_id text collate "C" not null constraint payout_reveals_key_known references api_keys (id),
      revealed_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp())
    )`.execute(db)
  await sql`create index payout_reveals_of_partner on payout_reveals (partner_id, revealed_at)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table payout_reveals`.execute(db)
}

import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table deals (
      id text collate "C" constraint deals_pkey primary key,
      amount_minor bigint not null constraint deals_amount_positive check (amount_minor between 1 and 999999999999999),
      currency text not null constraint deals_currency_code check (currency ~ '^[A-Z]{3}$'),
      closed_date timestamptz(3) not null,
      closed_all_day boolean not null,
      attribution_model text not null,
      model_parameters jsonb not null,
      version integer not null,
      voided_at timestamptz(3),
      void_reason text,
      submission bytea not null,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      updated_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      constraint deals_void_has_reason check ((voided_at is null) = (void_reason is null))
    )`.execute(db)
  await sql`create index deals_newest on deals (closed_date, id)`.execute(db)
  await sql`create index deals_newest_of_model on deals (attribution_model, closed_date, id)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table deals`.execute(db)
}

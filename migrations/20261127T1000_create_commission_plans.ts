import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table commission_plans (
      id text collate "C" constraint commission_plans_pkey primary key,
      name text not null,
      submission bytea not null,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp())
    )`.execute(db)
  await sql`
    create table commission_plan_versions (
      plan_id text collate "C" not null
        constraint commission_plan_versions_plan_known references commission_plans (id),
      version integer not null constraint commission_plan_versions_from_one check (version >= 1),
      effective_from date not null,
      rules jsonb not null constraint commission_plan_versions_rules_small
        check (jsonb_typeof(rules) = 'array' and octet_length(rules::text) <= 131072),
      hold_days integer not null constraint commission_plan_versions_hold_range check (hold_days between 0 and 3650),
      cap_per_deal jsonb,
      submission bytea not null,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      constraint commission_plan_versions_pkey primary key (plan_id, version)
    )`.execute(db)
  await sql`
    create table commission_plan_defaults (
      "from" date constraint commission_plan_defaults_pkey primary key,
      plan_id text collate "C" not null
        constraint commission_plan_defaults_plan_known references commission_plans (id),
      set_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp())
    )`.execute(db)
  await sql`
    create index commission_plan_versions_by_day
    on commission_plan_versions (plan_id, effective_from desc, version desc)`.execute(db)
  await comment(db)
  // Deals hold ids of plans without a foreign key: all writers would share a lock of one row.
  for (const table of ['commission_plans', 'commission_plan_versions']) {
    await sql`
      create trigger ${sql.id(`${table}_append_only`)} before update or delete or truncate on ${sql.table(table)}
      for each statement execute function refuse_change()`.execute(db)
  }
  await sql`
    insert into commission_plans (id, name, submission) values ('full', 'The whole payout', '')`.execute(db)
  await sql`
    insert into commission_plan_versions (plan_id, version, effective_from, rules, hold_days, submission)
    values ('full', 1, '1970-01-01', '[{"rate": "100"}]', 0, '')`.execute(db)
}

async function comment(db: Kysely<unknown>): Promise<void> {
  const tables = {
    commission_plans:
      'One row for each commission plan. The plan full, 100 % of each payout, comes with the schema. Append-only.',
    commission_plan_versions:
      'What a commission plan pays, from a day on. Of two versions from the same day the later one is in force. Append-only.',
    commission_plan_defaults:
      'The plan of deals that name none, by the day of their close. Before the first day it is full.',
  }
  const columns = {
    'commission_plans.submission':
      'SHA-256 of the request that made the plan, to recognise it when it is sent again.',
    'commission_plan_versions.version': '1 for the first version of the plan.',
    'commission_plan_versions.effective_from':
      'The first closed_on of deals for which the version is in force.',
    'commission_plan_versions.rules':
      'The rules in the order in which they are tried, as the API takes them.',
    'commission_plan_versions.hold_days': 'For how many days after the close a commission is pending.',
    'commission_plan_versions.cap_per_deal':
      'The most that a deal in its currency pays, {amount, currency}. Null: no cap.',
    'commission_plan_versions.submission': 'SHA-256 of what was sent, to recognise it when it is sent again.',
    'commission_plan_defaults.from': 'The first closed_on of deals that take the plan.',
  }
  for (const [table, text] of Object.entries(tables))
    await sql`comment on table ${sql.table(table)} is ${sql.lit(text)}`.execute(db)
  for (const [column, text] of Object.entries(columns))
    await sql`comment on column ${sql.ref(column)} is ${sql.lit(text)}`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['commission_plan_defaults', 'commission_plan_versions', 'commission_plans'])
    await sql`drop table ${sql.table(table)}`.execute(db)
}

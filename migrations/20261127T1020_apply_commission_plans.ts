import { type Kysely, sql } from 'kysely'

/** An application gives the deals of a period a plan: a request stores it, and a job changes the deals in batches. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table commission_plan_applications (
      id text collate "C" constraint commission_plan_applications_pkey primary key,
      plan_id text collate "C" not null
        constraint commission_plan_applications_plan_known references commission_plans (id),
      start_date date not null,
      end_date date not null,
      last_closed_date timestamptz(3),
      last_deal_id text collate "C",
      deals_done integer not null default 0,
      deals_changed integer not null default 0,
      api_key_id text not null,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      finished_at timestamptz(3),
      constraint commission_plan_applications_period_in_order check (start_date <= end_date)
    )`.execute(db)
  await sql`
    create index commission_plan_applications_newest on commission_plan_applications (plan_id, created_at, id)`.execute(
    db,
  )
  await sql`
    create index commission_plan_applications_running on commission_plan_applications (created_at, id)
    where finished_at is null`.execute(db)
  await sql`comment on table commission_plan_applications is 'One row for each request to give the deals of a period a plan.'`.execute(
    db,
  )
  const comments = {
    start_date: 'The first closed_on of its deals.',
    end_date: 'The last closed_on of its deals.',
    last_closed_date: 'closed_date of the last deal that the job has done. Null: none yet.',
    last_deal_id: 'The last deal that the job has done, by closed_date and id.',
    deals_done: 'Deals done so far.',
    deals_changed: 'Those of them that got another plan or another version of it.',
    api_key_id: 'The key that asked for it, in api_keys.',
    finished_at: 'When the last deal was done. Null: the job goes on.',
  }
  for (const [column, text] of Object.entries(comments))
    await sql`comment on column ${sql.ref(`commission_plan_applications.${column}`)} is ${sql.lit(text)}`.execute(
      db,
    )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table commission_plan_applications`.execute(db)
}

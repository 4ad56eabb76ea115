import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // What the figures are: every row counts by its sums, on its day in UTC.
  await sql`
    create view deal_figures as
    select deals.id as deal_id, deals.closed_date as at, (deals.closed_date at time zone 'UTC')::date as day,
      deals.currency, deals.attribution_model, 1 as deals, deals.amount_minor as revenue_minor,
      attributions.unattributed_minor
    from deals join attributions on attributions.deal_id = deals.id and attributions.version = deals.version
    where deals.voided_at is null`.execute(db)
  await sql`
    create view partner_figures as
    select deals.id as deal_id, deals.closed_date as at, (deals.closed_date at time zone 'UTC')::date as day,
      deals.currency, partner_id, 1 as deals, payout_minor, percentage_bp, touchpoints
    from deals join payouts on payouts.deal_id = deals.id and payouts.version = deals.version
    where deals.voided_at is null`.execute(db)
  await sql`
    create view touchpoint_figures as
    select deal_id, timestamp as at, (timestamp at time zone 'UTC')::date as day, partner_id, touchpoint_type,
      1 as touchpoints
    from events where voided_at is null`.execute(db)

  // The same figures summed up over days, thirds of months, months and years.
  await sql`
    create table deal_rollups (
      span text not null constraint deal_rollups_span_known check (span in ('day', 'dekad', 'month', 'year')),
      starts date not null,
      currency text not null,
      attribution_model text not null,
      deals bigint not null,
      revenue_minor numeric not null,
      unattributed_minor numeric not null,
      constraint deal_rollups_pkey primary key (span, currency, starts, attribution_model)
    ) with (fillfactor = 80)`.execute(db)
  await sql`
    create table partner_rollups (
      span text not null constraint partner_rollups_span_known check (span in ('day', 'dekad', 'month', 'year')),
      starts date not null,
      currency text not null,
      partner_id text collate "C" not null,
      deals bigint not null,
      payout_minor numeric not null,
      percentage_bp bigint not null,
      touchpoints bigint not null,
      constraint partner_rollups_pkey primary key (partner_id, currency, span, starts)
    ) with (fillfactor = 80)`.execute(db)
  await sql`create index partner_rollups_of_span on partner_rollups (span, currency, starts)`.execute(db)
  await sql`
    create table touchpoint_rollups (
      span text not null constraint touchpoint_rollups_span_known check (span in ('day', 'dekad', 'month', 'year')),
      starts date not null,
      touchpoint_type text not null,
      touchpoints bigint not null,
      constraint touchpoint_rollups_pkey primary key (span, starts, touchpoint_type)
    ) with (fillfactor = 80)`.execute(db)
  await sql`
    create table partner_touchpoint_rollups (
      span text not null constraint partner_touchpoint_rollups_span_known check (span = 'year'),
      starts date not null,
      partner_id text collate "C" not null,
      touchpoint_type text not null,
      touchpoints bigint not null,
      constraint partner_touchpoint_rollups_pkey primary key (partner_id, span, starts, touchpoint_type)
    ) with (fillfactor = 80)`.execute(db)

  // What a transaction adds to a figure or takes from it. Writers only ever insert here, so that none waits for
  // another; one job folds the rows into the rollups. Vacuumed early, as every reader reads all of it.
  await sql`
    create table deal_changes (
      deal_id text collate "C" not null,
      day date not null,
      currency text not null,
      attribution_model text not null,
      deals integer not null,
      revenue_minor bigint not null,
      unattributed_minor bigint not null
    ) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0)`.execute(
    db,
  )
  await sql`
    create table partner_changes (
      deal_id text collate "C" not null,
      day date not null,
      currency text not null,
      partner_id text collate "C" not null,
      deals integer not null,
      payout_minor bigint not null,
      percentage_bp integer not null,
      touchpoints integer not null
    ) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0)`.execute(
    db,
  )
  await sql`
    create table touchpoint_changes (
      deal_id text collate "C" not null,
      day date not null,
      partner_id text collate "C" not null,
      touchpoint_type text not null,
      touchpoints integer not null
    ) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0)`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table deal_changes, partner_changes, touchpoint_changes`.execute(db)
  await sql`drop table deal_rollups, partner_rollups, touchpoint_rollups, partner_touchpoint_rollups`.execute(
    db,
  )
  await sql`drop view deal_figures, partner_figures, touchpoint_figures`.execute(db)
}

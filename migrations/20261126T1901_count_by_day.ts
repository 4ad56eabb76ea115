import { type Kysely, sql } from 'kysely'

const rollups = ['deal', 'partner', 'touchpoint'] as const

/**
 * Deals and touchpoints count on a day of the company's calendar. Existing rows have no day yet: until a job fills it in,
 * they count on their day in UTC, and no row is written here. A new row must have its day.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table calendar (
      is_only boolean not null default true constraint calendar_pkey primary key
        constraint calendar_one_row check (is_only),
      time_zone text not null
    )`.execute(db)
  await sql`alter table deals add column closed_on date, add column closed_until timestamptz(3)`.execute(db)
  await sql`alter table attributions add column closed_on date, add column closed_until timestamptz(3)`.execute(
    db,
  )
  await sql`alter table events add column happened_on date`.execute(db)
  await sql`alter table deals add constraint deals_closed_on_known check (closed_on is not null) not valid`.execute(
    db,
  )
  await sql`
    alter table attributions add constraint attributions_closed_on_known check (closed_on is not null) not valid`.execute(
    db,
  )
  await sql`alter table events add constraint events_happened_on_known check (happened_on is not null) not valid`.execute(
    db,
  )
  await sql`create index deals_without_day on deals (id) where closed_on is null`.execute(db)
  await sql`create index events_without_day on events (id) where happened_on is null`.execute(db)

  await sql`drop view deal_changes, partner_changes, touchpoint_changes`.execute(db)
  for (const name of rollups) {
    await sql`alter table ${sql.table(`${name}_deltas`)} rename column hour to day`.execute(db)
    await sql`
      alter table ${sql.table(`${name}_deltas`)}
        alter column day type date using (day at time zone 'UTC')::date`.execute(db)
  }
  for (const name of [...rollups, 'partner_touchpoint']) {
    const table = sql.table(`${name}_rollups`)
    const constraint = sql.ref(`${name}_rollups_span_known`)
    await sql`alter table ${table} drop constraint ${constraint}`.execute(db)
    await sql`delete from ${table} where span in ('hour', 'dekad', 'quarter')`.execute(db)
    await sql`
      alter table ${table} alter column starts type date using (starts at time zone 'UTC')::date`.execute(db)
  }
  for (const name of rollups) {
    await sql`
      alter table ${sql.table(`${name}_rollups`)}
        add constraint ${sql.ref(`${name}_rollups_span_known`)} check (span in ('day', 'month', 'year'))`.execute(
      db,
    )
  }
  await sql`
    alter table partner_touchpoint_rollups
      add constraint partner_touchpoint_rollups_span_known check (span = 'year')`.execute(db)

  await sql`drop view deal_figures, partner_figures, touchpoint_figures`.execute(db)
  await sql`
    create view deal_figures as
    select deals.id as deal_id, coalesce(deals.closed_on, (deals.closed_date at time zone 'UTC')::date) as day,
      deals.currency, deals.attribution_model, 1 as deals, deals.amount_minor as revenue_minor,
      attributions.unattributed_minor
    from deals join attributions on attributions.deal_id = deals.id and attributions.version = deals.version
    where deals.voided_at is null`.execute(db)
  await sql`
    create view partner_figures as
    select deals.id as deal_id, coalesce(deals.closed_on, (deals.closed_date at time zone 'UTC')::date) as day,
      deals.currency, partner_id, 1 as deals, payout_minor, percentage_bp, touchpoints
    from deals join shares on shares.deal_id = deals.id and shares.version = deals.version
    where deals.voided_at is null`.execute(db)
  await sql`
    create view touchpoint_figures as
    select events.deal_id, coalesce(happened_on, (timestamp at time zone 'UTC')::date) as day, partner_id,
      touchpoint_type, 1 as touchpoints
    from events left join deals on deals.id = events.deal_id
    where events.voided_at is null and deals.voided_at is null`.execute(db)
  // Until now the touchpoints of void deals were counted.
  await sql`
    insert into touchpoint_deltas (deal_id, day, partner_id, touchpoint_type, touchpoints)
    select deal_id, (timestamp at time zone 'UTC')::date, partner_id, touchpoint_type, -1
    from deals join events on deal_id = deals.id
    where deals.voided_at is not null and events.voided_at is null`.execute(db)
  await comment(db)
}

export async function down(): Promise<void> {
  throw new Error('The rollups by hour are gone: restore a backup to go back.')
}

async function comment(db: Kysely<unknown>): Promise<void> {
  const span = 'day, month or year.'
  const unfilled = 'Null: not filled in yet, the day in UTC counts.'
  const comments = {
    'table calendar':
      'The calendar of the company, at most one row. Written with the first deal or touchpoint.',
    'column calendar.is_only': 'Always true, so that there is one row.',
    'column calendar.time_zone': 'TIME_ZONE of the service, an IANA name.',
    'column deals.closed_on': `The day on which reports count the deal: the written date of a whole day, else the date of closed_date in calendar.time_zone. ${unfilled}`,
    'column deals.closed_until':
      'With closed_all_day: when closed_on ends in calendar.time_zone. Null: not a whole day, or a deal of an earlier release, which ends 24 hours after closed_date.',
    'column deals.closed_all_day':
      'Whether closed_date stands for its whole day: touchpoints qualify until closed_until, plus close_grace_minutes.',
    'column attributions.closed_on':
      'As deals.closed_on at this version. Null in versions of earlier releases.',
    'column attributions.closed_until': 'As deals.closed_until at this version.',
    'column events.happened_on': `The date of timestamp in calendar.time_zone, on which reports count the touchpoint. ${unfilled}`,
    'column deal_deltas.day': 'As closed_on of the deal.',
    'column partner_deltas.day': 'As closed_on of the deal.',
    'column touchpoint_deltas.day': 'As happened_on of the touchpoint.',
    'column deal_rollups.span': span,
    'column partner_rollups.span': span,
    'column touchpoint_rollups.span': span,
    'column deal_rollups.starts': 'First day of the span.',
    'column partner_rollups.starts': 'First day of the span.',
    'column touchpoint_rollups.starts': 'First day of the span.',
    'column partner_touchpoint_rollups.starts': 'First day of the year.',
    'view deal_figures': 'What reports count of deals: one row for each deal that is not void.',
    'view partner_figures':
      'What reports count of shares: one row for each share of the current version of a deal that is not void.',
    'view touchpoint_figures':
      'What reports count of touchpoints: one row for each that is not void and not on a void deal.',
  }
  for (const [object, text] of Object.entries(comments))
    await sql`comment on ${sql.raw(object)} is ${sql.lit(text)}`.execute(db)
}

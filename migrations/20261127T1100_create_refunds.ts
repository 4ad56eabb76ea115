import { type Kysely, sql } from 'kysely'

/** Refunds are facts of a deal. The deal is split on its net amount, and reports add up net amounts. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createRefunds(db)
  await addRefundedAmounts(db)
  await sql`
    create or replace view deal_figures as
    select deals.id as deal_id, coalesce(deals.closed_on, (deals.closed_date at time zone 'UTC')::date) as day,
      deals.currency, deals.attribution_model, 1 as deals, deals.amount_minor - deals.refunded_minor as revenue_minor,
      attributions.unattributed_minor,
      coalesce(commission_versions.commission_minor, attributions.amount_minor - attributions.unattributed_minor)
        as commission_minor,
      deals.refunded_minor
    from deals join attributions on attributions.deal_id = deals.id and attributions.version = deals.version
      left join commission_versions on commission_versions.deal_id = deals.id
        and commission_versions.version = deals.commission_version
    where deals.voided_at is null`.execute(db)
  await sql`alter table attributions drop constraint attributions_reason_known`.execute(db)
  await sql`
    alter table attributions add constraint attributions_reason_known check (reason in ('closed', 'late_event', 'amended',
      'refunded', 'refund_voided', 'event_voided', 'event_corrected', 'event_reinstated', 'deal_voided', 'deal_reinstated',
      'partner_merged', 'recalculated')) not valid`.execute(db)
  await recordRefunds(db)
}

export async function down(): Promise<void> {
  throw new Error('record_change uses the new columns: restore a backup to go back.')
}

async function createRefunds(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table refunds (
      id text collate "C" constraint refunds_pkey primary key,
      deal_id text collate "C" not null constraint refunds_deal_known references deals,
      amount_minor bigint not null constraint refunds_amount_positive check (amount_minor between 1 and 999999999999999),
      currency text not null constraint refunds_currency_code check (currency ~ '^[A-Z]{3}$'),
      refunded_on date not null,
      reason text,
      voided_at timestamptz(3),
      void_reason text,
      submission bytea not null,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      constraint refunds_void_has_reason check ((voided_at is null) = (void_reason is null))
    )`.execute(db)
  await sql`create index refunds_of_deal on refunds (deal_id, created_at, id)`.execute(db)
  await sql`
    comment on table refunds is 'What went back to the customer of a deal. A row changes only once: when it is voided.'`.execute(
    db,
  )
  await comment(db, 'refunds.id', 'The id that the client sent, or ref_ and a UUIDv7.')
  await comment(db, 'refunds.amount_minor', 'In minor units of currency.')
  await comment(
    db,
    'refunds.currency',
    'The currency of the deal. Only a deal without refunds that count changes its own.',
  )
  await comment(
    db,
    'refunds.refunded_on',
    'The day on which the money went back, as it was sent. If the deal closes later, the refund counts on closed_on.',
  )
  await comment(db, 'refunds.voided_at', 'When the refund was voided. Null: it counts.')
  await comment(
    db,
    'refunds.submission',
    'SHA-256 of the deal and of the body of POST /deals/:dealId/refunds as JSON with sorted members. The same hash under the same id is a repeated submission, another hash is a conflict.',
  )
}

async function addRefundedAmounts(db: Kysely<unknown>): Promise<void> {
  await sql`alter table deals add column refunded_minor bigint not null default 0`.execute(db)
  // Refunds of a deal can never be more than its amount, whatever the service does.
  await sql`
    alter table deals add constraint deals_refunds_within_amount
    check (refunded_minor between 0 and amount_minor) not valid`.execute(db)
  await sql`alter table attributions add column refunded_minor bigint not null default 0`.execute(db)
  await sql`
    alter table attributions add constraint attributions_refunded_positive check (refunded_minor >= 0) not valid`.execute(
    db,
  )
  await sql`alter table deal_deltas add column refunded_minor bigint not null default 0`.execute(db)
  await sql`alter table deal_rollups add column refunded_minor numeric not null default 0`.execute(db)
  await comment(
    db,
    'deals.refunded_minor',
    'The sum of its refunds that are not void, in minor units of currency. What they leave is the net amount.',
  )
  await comment(
    db,
    'attributions.amount_minor',
    'Net amount of the deal, after refunds, in minor units of currency. Equals unattributed_minor plus the sum of shares.payout_minor of this version (checked at commit).',
  )
  await comment(
    db,
    'attributions.refunded_minor',
    'As deals.refunded_minor at this version. With amount_minor it adds up to the amount of the deal.',
  )
  await comment(
    db,
    'deal_deltas.revenue_minor',
    'Net amount in minor units of currency. Negative where deals is -1.',
  )
  await comment(
    db,
    'deal_deltas.refunded_minor',
    'Refunds in minor units of currency. Zero or negative where deals is -1.',
  )
  await comment(db, 'deal_rollups.revenue_minor', 'Sum of their net amounts in minor units of currency.')
  await comment(db, 'deal_rollups.refunded_minor', 'Sum of their refunds in minor units of currency.')
}

async function comment(db: Kysely<unknown>, column: string, text: string): Promise<void> {
  await sql`comment on column ${sql.raw(column)} is ${sql.lit(text)}`.execute(db)
}

async function recordRefunds(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function record_change(change jsonb) returns timestamptz language plpgsql as $$
    declare
      at timestamptz := date_trunc('milliseconds', clock_timestamp());
      own record;
    begin
      insert into deals (id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until,
        attribution_model, model_parameters, name, metadata, version, commission_plan_id, commission_plan_version,
        is_plan_named, commission_version, submission, created_at, updated_at)
      select id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until, attribution_model,
        model_parameters, name, metadata::json, 1, commission_plan_id, commission_plan_version, is_plan_named,
        commission_version, submission, at, at
      from jsonb_to_recordset(change -> 'closed') as given (id text, amount_minor bigint, currency text,
        closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
        attribution_model text, model_parameters jsonb, name text, metadata text, commission_plan_id text,
        commission_plan_version integer, is_plan_named boolean, commission_version integer, submission bytea);

      for own in
        select * from jsonb_to_recordset(change -> 'changed') as given (id text, amount_minor bigint, currency text,
          closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
          attribution_model text, model_parameters jsonb, refunded_minor bigint, version integer, void_reason text,
          previously_at timestamptz, is_updated boolean, description jsonb, commission_plan_id text, commission_plan_version integer,
          is_plan_named boolean, commission_version integer)
      loop
        update deals set amount_minor = own.amount_minor, currency = own.currency, closed_date = own.closed_date,
          closed_all_day = own.closed_all_day, closed_on = own.closed_on, closed_until = own.closed_until,
          attribution_model = own.attribution_model, model_parameters = own.model_parameters,
          refunded_minor = own.refunded_minor, version = own.version, void_reason = own.void_reason, commission_plan_id = own.commission_plan_id,
          commission_plan_version = own.commission_plan_version, is_plan_named = own.is_plan_named,
          commission_version = own.commission_version,
          name = case when own.description is null then name else own.description ->> 'name' end,
          metadata = case when own.description is null then metadata
            else (own.description ->> 'metadata')::json end,
          voided_at = case when own.void_reason is not null
            then coalesce(voided_at, greatest(at, own.previously_at + interval '1 millisecond')) end,
          updated_at = case when own.is_updated then greatest(at, own.previously_at + interval '1 millisecond')
            else updated_at end
        where id = own.id;
      end loop;

      insert into attributions (deal_id, version, reason, cause, amount_minor, refunded_minor, currency, closed_date,
        closed_all_day, closed_on, closed_until, attribution_model, model_parameters, unattributed_minor, unattributed_bp,
        uncredited_partner_ids, fingerprint, calculated_at)
      select deal_id, version, reason, cause, amount_minor, refunded_minor, currency, closed_date, closed_all_day,
        closed_on, closed_until, attribution_model, model_parameters, unattributed_minor, coalesce(unattributed_bp, 0),
        uncredited_partner_ids, fingerprint, greatest(at, previously_at + interval '1 millisecond')
      from jsonb_to_recordset(change -> 'versions') as given (deal_id text, version integer, reason text, cause jsonb,
        amount_minor bigint, refunded_minor bigint, currency text, closed_date timestamptz, closed_all_day boolean,
        closed_on date, closed_until timestamptz, attribution_model text, model_parameters jsonb, unattributed_minor bigint,
        unattributed_bp integer, uncredited_partner_ids text[], fingerprint bytea, previously_at timestamptz);
      insert into shares (deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp, touchpoints, role)
      select deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp, touchpoints, role
      from jsonb_to_recordset(change -> 'versions') as given (deal_id text, version integer, currency text,
        closed_date timestamptz, shares jsonb), jsonb_to_recordset(given.shares) as share (partner_id text,
        payout_minor bigint, percentage_bp integer, touchpoints integer, role text);

      perform record_commissions(change -> 'commissions', at);

      insert into deal_deltas (deal_id, day, currency, attribution_model, deals, revenue_minor, refunded_minor,
        unattributed_minor, commission_minor)
      select deal_id, day, currency, attribution_model, deals, revenue_minor, refunded_minor, unattributed_minor,
        commission_minor
      from jsonb_to_recordset(change -> 'deal_deltas') as given (deal_id text, day date, currency text,
        attribution_model text, deals integer, revenue_minor bigint, refunded_minor bigint, unattributed_minor bigint,
        commission_minor bigint);
      insert into partner_deltas (deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints,
        commission_minor)
      select deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints, commission_minor
      from jsonb_to_recordset(change -> 'partner_deltas') as given (deal_id text, day date, currency text, partners jsonb),
        jsonb_to_recordset(given.partners) as difference (partner_id text, deals integer, payout_minor bigint,
          percentage_bp integer, touchpoints integer, commission_minor bigint);
      insert into touchpoint_deltas (deal_id, day, partner_id, touchpoint_type, touchpoints)
      select deal_id, day, partner_id, touchpoint_type, touchpoints
      from jsonb_to_recordset(change -> 'touchpoint_deltas') as given (deal_id text, day date, partner_id text,
        touchpoint_type text, touchpoints integer);

      for own in
        select currency, attribution_model, closed_date, deal_id, partner_id
        from jsonb_to_recordset(change -> 'unlisted') as given (deal_id text, currency text, attribution_model text,
          closed_date timestamptz, partner_ids jsonb), jsonb_array_elements_text(partner_ids) as partner_id
      loop
        delete from partner_deals where partner_id = own.partner_id and currency = own.currency
          and attribution_model = own.attribution_model and closed_date = own.closed_date and deal_id = own.deal_id;
      end loop;
      insert into partner_deals (partner_id, currency, attribution_model, closed_date, deal_id)
      select partner_id, currency, attribution_model, closed_date, deal_id
      from jsonb_to_recordset(change -> 'listed') as given (deal_id text, currency text, attribution_model text,
        closed_date timestamptz, partner_ids jsonb), jsonb_array_elements_text(partner_ids) as partner_id
      on conflict do nothing;
      return at;
    end $$`.execute(db)
}

import { type Kysely, sql } from 'kysely'

/**
 * A partner's status, group and credit_after_leaving are dated: past_partner_terms has the earlier ones, so that a deal uses
 * those of the day on which it closed. A version stores the partners whose credit had ended.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table partners
      add column credit_after_leaving boolean not null default true,
      add column has_left boolean not null default false`.execute(db)
  await sql`
    comment on column partners.credit_after_leaving is 'Whether deals that close while the partner is inactive credit it.'`.execute(
    db,
  )
  await sql`
    comment on column partners.has_left is 'Whether the partner is or ever was inactive: only then past_partner_terms is read.'`.execute(
    db,
  )
  await createPastTerms(db)
  await sql`update partners set has_left = true where status = 'inactive'`.execute(db)
  await sql`
    insert into past_partner_terms (partner_id, held_until, status, "group", credit_after_leaving)
    select id, left_at, 'active', "group", true from partners where status = 'inactive' and left_at is not null`.execute(
    db,
  )
  await sql`alter table attributions add column uncredited_partner_ids text[]`.execute(db)
  await sql`
    comment on column attributions.uncredited_partner_ids is 'The partners of the deal that were inactive without credit_after_leaving on its closed_on: their touchpoints and percentages do not count. Null: none.'`.execute(
    db,
  )
  await createAbsencesOf(db)
  await storeEventsOutsideAbsences(db)
  await recordUncredited(db)
}

export async function down(): Promise<void> {
  throw new Error('store_events and record_change use the new columns: restore a backup to go back.')
}

async function createPastTerms(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table past_partner_terms (
      partner_id text not null collate "C" constraint past_partner_terms_partner_known references partners,
      held_until timestamptz(3) not null,
      status text not null constraint past_partner_terms_status_known check (status in ('active', 'inactive')),
      "group" text,
      credit_after_leaving boolean not null,
      constraint past_partner_terms_pkey primary key (partner_id, held_until)
    )`.execute(db)
  await sql`
    comment on table past_partner_terms is 'What a partner''s terms were before each change of them; partners has the current ones. Append-only.'`.execute(
    db,
  )
  await sql`
    comment on column past_partner_terms.held_until is 'The instant of the change that ended these terms. Deals that closed on its day or earlier use them.'`.execute(
    db,
  )
  await sql`
    comment on column past_partner_terms.credit_after_leaving is 'Whether deals that close while the partner is inactive credit it.'`.execute(
    db,
  )
  await sql`
    create trigger past_partner_terms_append_only before update or delete or truncate on past_partner_terms
    for each statement execute function refuse_change()`.execute(db)
}

// The current terms have no end, so they come last and begin where the last change was.
async function createAbsencesOf(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function absences_of(partner_ids text[]) returns jsonb language sql stable as $$
      select jsonb_object_agg(partner_id, absences) from (
        select partner_id, coalesce(
          range_agg(tstzrange(held_from, held_until)) filter (where status = 'inactive'), '{}') as absences
        from (
          select partner_id, status, held_until,
            lag(held_until) over (partition by partner_id order by held_until) as held_from
          from (
            select partner_id, status, held_until from past_partner_terms where partner_id = any (partner_ids)
            union all
            select id, status, null from partners where id = any (partner_ids)
          ) as ended
        ) as terms
        group by partner_id
      ) as partners
    $$`.execute(db)
  await sql`
    comment on function absences_of(text[]) is 'The periods in which each of these partners was inactive, as text of a tstzmultirange, by partner id.'`.execute(
    db,
  )
}

// Events of open deals need no version, so their touchpoints are counted here and one statement is their whole transaction.
async function storeEventsOutsideAbsences(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function store_events(lock_class integer, own_deals json, partner_ids text[], given json, most integer,
      only_open boolean)
    returns table (id text, created_at timestamptz) language plpgsql as $$
    #variable_conflict use_column
    declare
      own record;
      last_version integer;
      is_full boolean;
      room text[] := '{}';
      versions text[] := '{}';
      known_from jsonb;
      present jsonb;
      leavers text[];
      absences jsonb;
      deal_ids text[] := '{}';
      days date[] := '{}';
      counted_partners text[] := '{}';
      types text[] := '{}';
    begin
      for own in
        select * from json_to_recordset(own_deals) as own_deals (deal_id text, deal_key integer, events integer)
      loop
        -- A lock that the transaction holds already succeeds.
        continue when not pg_try_advisory_xact_lock(lock_class, own.deal_key);
        -- Read after the lock, so that it sees what the holder before committed.
        select (select version from deals where deals.id = own.deal_id), exists (
          select from events where deal_id = own.deal_id offset greatest(most - own.events, 0)
        ) into last_version, is_full;
        continue when is_full or own.events > most or (only_open and last_version is not null);
        room := room || own.deal_id;
        versions := versions || (coalesce(last_version, 0) + 1)::text;
      end loop;
      -- Looked up in a JSON object: a search through an array would take a time that grows with the square of the rows.
      known_from := jsonb_object(room, versions);
      select jsonb_object_agg(partners.id, true) filter (where status = 'active' and not has_left),
          array_agg(partners.id) filter (where status = 'inactive' or has_left)
        into present, leavers from partners where partners.id = any (partner_ids);
      if leavers is not null then
        absences := absences_of(leavers);
      end if;

      for own in
        insert into events
          (id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, metadata, known_from, submission)
        select id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, metadata::json,
          (known_from ->> deal_id)::integer, submission
        from json_to_recordset(given) as given (id text, deal_id text, partner_id text, touchpoint_type text,
          timestamp timestamptz, happened_on date, metadata text, submission bytea)
        where known_from ? deal_id
          and (present ? partner_id or not timestamp <@ (absences ->> partner_id)::tstzmultirange)
        on conflict do nothing
        returning events.id, events.created_at, events.deal_id, events.happened_on, events.partner_id,
          events.touchpoint_type
      loop
        id := own.id;
        created_at := own.created_at;
        return next;
        continue when not only_open;
        deal_ids := deal_ids || own.deal_id;
        days := days || own.happened_on;
        counted_partners := counted_partners || own.partner_id;
        types := types || own.touchpoint_type;
      end loop;
      insert into touchpoint_deltas (deal_id, day, partner_id, touchpoint_type, touchpoints)
      select counted.*, 1 from unnest(deal_ids, days, counted_partners, types) as counted;
    end $$`.execute(db)
}

async function recordUncredited(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function record_change(change jsonb) returns timestamptz language plpgsql as $$
    declare
      at timestamptz := date_trunc('milliseconds', clock_timestamp());
      own record;
    begin
      insert into deals (id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until,
        attribution_model, model_parameters, name, metadata, version, submission, created_at, updated_at)
      select id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until, attribution_model,
        model_parameters, name, metadata::json, 1, submission, at, at
      from jsonb_to_recordset(change -> 'closed') as given (id text, amount_minor bigint, currency text,
        closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
        attribution_model text, model_parameters jsonb, name text, metadata text, submission bytea);

      for own in
        select * from jsonb_to_recordset(change -> 'changed') as given (id text, amount_minor bigint, currency text,
          closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
          attribution_model text, model_parameters jsonb, version integer, void_reason text, previously_at timestamptz,
          is_updated boolean, description jsonb)
      loop
        update deals set amount_minor = own.amount_minor, currency = own.currency, closed_date = own.closed_date,
          closed_all_day = own.closed_all_day, closed_on = own.closed_on, closed_until = own.closed_until,
          attribution_model = own.attribution_model, model_parameters = own.model_parameters, version = own.version,
          void_reason = own.void_reason,
          name = case when own.description is null then name else own.description ->> 'name' end,
          metadata = case when own.description is null then metadata
            else (own.description ->> 'metadata')::json end,
          voided_at = case when own.void_reason is not null
            then coalesce(voided_at, greatest(at, own.previously_at + interval '1 millisecond')) end,
          updated_at = case when own.is_updated then greatest(at, own.previously_at + interval '1 millisecond')
            else updated_at end
        where id = own.id;
      end loop;

      insert into attributions (deal_id, version, reason, cause, amount_minor, currency, closed_date, closed_all_day,
        closed_on, closed_until, attribution_model, model_parameters, unattributed_minor, unattributed_bp,
        uncredited_partner_ids, fingerprint, calculated_at)
      select deal_id, version, reason, cause, amount_minor, currency, closed_date, closed_all_day, closed_on,
        closed_until, attribution_model, model_parameters, unattributed_minor, coalesce(unattributed_bp, 0),
        uncredited_partner_ids, fingerprint, greatest(at, previously_at + interval '1 millisecond')
      from jsonb_to_recordset(change -> 'versions') as given (deal_id text, version integer, reason text, cause jsonb,
        amount_minor bigint, currency text, closed_date timestamptz, closed_all_day boolean, closed_on date,
        closed_until timestamptz, attribution_model text, model_parameters jsonb, unattributed_minor bigint,
        unattributed_bp integer, uncredited_partner_ids text[], fingerprint bytea, previously_at timestamptz);
      insert into shares (deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp, touchpoints, role)
      select deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp, touchpoints, role
      from jsonb_to_recordset(change -> 'versions') as given (deal_id text, version integer, currency text,
        closed_date timestamptz, shares jsonb), jsonb_to_recordset(given.shares) as share (partner_id text,
        payout_minor bigint, percentage_bp integer, touchpoints integer, role text);

      insert into deal_deltas (deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor)
      select deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor
      from jsonb_to_recordset(change -> 'deal_deltas') as given (deal_id text, day date, currency text,
        attribution_model text, deals integer, revenue_minor bigint, unattributed_minor bigint);
      insert into partner_deltas (deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints)
      select deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints
      from jsonb_to_recordset(change -> 'partner_deltas') as given (deal_id text, day date, currency text, partners jsonb),
        jsonb_to_recordset(given.partners) as difference (partner_id text, deals integer, payout_minor bigint,
          percentage_bp integer, touchpoints integer);
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

import { type Kysely, sql } from 'kysely'

/**
 * One function writes down a change of deals, and one stores touchpoints. Both hold plain statements only, which Citus can
 * distribute: no transition tables, no modifying CTEs, no volatile function in an update. Triggers are guards.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table attributions add column cause jsonb`.execute(db)
  await sql`
    comment on column attributions.cause is 'What made this version: event_ids and api_key_ids (the first 100 of each), events_count and note. Null in versions of earlier releases.'`.execute(
    db,
  )
  await dropReportTriggers(db)
  await guardShares(db)
  await createStoreEvents(db)
  await createRecordChange(db)
  await showCauses(db)
}

export async function down(): Promise<void> {
  throw new Error('Triggers would count again what is counted already: restore a backup to go back.')
}

async function dropReportTriggers(db: Kysely<unknown>): Promise<void> {
  const triggers = {
    attributions: { attributions_change_figures: 'change_figures_by_versions' },
    shares: {
      payouts_change_figures: 'change_figures_by_payouts',
      payouts_of_new_version: 'check_payouts_of_new_version',
    },
    events: {
      events_change_figures: 'change_figures_by_events',
      events_void_changes_figures: 'change_figures_by_void_event',
      events_listed_under_partners: 'list_touched_deals_under_partners',
    },
    deals: {
      deals_listed_under_partners: 'list_deal_under_partners',
      deals_moved_under_partners: 'list_moved_deal_under_partners',
    },
  }
  for (const [table, own] of Object.entries(triggers)) {
    for (const [trigger, called] of Object.entries(own)) {
      await sql`drop trigger ${sql.ref(trigger)} on ${sql.table(table)}`.execute(db)
      await sql`drop function ${sql.ref(called)}()`.execute(db)
    }
  }
  await sql`drop function store_open_events(integer, integer[], json)`.execute(db)
  await sql`drop function store_open_events(integer, integer[], json, integer)`.execute(db)
}

// The guard finds the version, so a foreign key would look it up a second time. A restored version may carry the id of a
// transaction of today, so its time is compared too.
async function guardShares(db: Kysely<unknown>): Promise<void> {
  await sql`alter table shares drop constraint shares_version_known`.execute(db)
  await sql`
    create function check_share_of_new_version() returns trigger language plpgsql as $$
    begin
      if not exists (
        select from attributions where deal_id = new.deal_id and version = new.version
          and transaction_id = pg_current_xact_id() and calculated_at >= date_trunc('milliseconds', now())
      ) then
        raise exception 'a share cannot join a version that was already recorded'
          using errcode = 'check_violation', constraint = 'shares_of_new_version';
      end if;
      return null;
    end $$`.execute(db)
  await sql`
    create trigger shares_of_new_version after insert on shares
    for each row execute function check_share_of_new_version()`.execute(db)
}

// Events of open deals need no version, so their touchpoints are counted here and one statement is their whole transaction.
async function createStoreEvents(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function store_events(lock_class integer, own_deals json, partner_ids text[], given json, most integer,
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
      active jsonb;
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
      select jsonb_object_agg(partners.id, true) into active from partners
        where status = 'active' and partners.id = any (partner_ids);

      for own in
        insert into events
          (id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, metadata, known_from, submission)
        select id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, metadata::json,
          (known_from ->> deal_id)::integer, submission
        from json_to_recordset(given) as given (id text, deal_id text, partner_id text, touchpoint_type text,
          timestamp timestamptz, happened_on date, metadata text, submission bytea)
        where known_from ? deal_id and active ? partner_id
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

async function createRecordChange(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function record_change(change json) returns timestamptz language plpgsql as $$
    declare
      at timestamptz := date_trunc('milliseconds', clock_timestamp());
      part record;
      own record;
    begin
      -- Each use of the arrow operator would parse the whole value again.
      select * into part from json_to_record(change) as part (closed json, changed json, versions json, deal_deltas json,
        partner_deltas json, touchpoint_deltas json, unlisted json, listed json);

      insert into deals (id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until,
        attribution_model, model_parameters, version, submission, created_at, updated_at)
      select id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until, attribution_model,
        model_parameters, 1, submission, at, at
      from json_to_recordset(part.closed) as given (id text, amount_minor bigint, currency text,
        closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
        attribution_model text, model_parameters jsonb, submission bytea);

      for own in
        select * from json_to_recordset(part.changed) as given (id text, amount_minor bigint, currency text,
          closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
          attribution_model text, model_parameters jsonb, version integer, void_reason text, previously_at timestamptz,
          is_updated boolean)
      loop
        update deals set amount_minor = own.amount_minor, currency = own.currency, closed_date = own.closed_date,
          closed_all_day = own.closed_all_day, closed_on = own.closed_on, closed_until = own.closed_until,
          attribution_model = own.attribution_model, model_parameters = own.model_parameters, version = own.version,
          void_reason = own.void_reason,
          voided_at = case when own.void_reason is not null
            then coalesce(voided_at, greatest(at, own.previously_at + interval '1 millisecond')) end,
          updated_at = case when own.is_updated then greatest(at, own.previously_at + interval '1 millisecond')
            else updated_at end
        where id = own.id;
      end loop;

      insert into attributions (deal_id, version, reason, cause, amount_minor, currency, closed_date, closed_all_day,
        closed_on, closed_until, attribution_model, model_parameters, unattributed_minor, fingerprint, calculated_at)
      select deal_id, version, reason, cause, amount_minor, currency, closed_date, closed_all_day, closed_on,
        closed_until, attribution_model, model_parameters, unattributed_minor, fingerprint,
        greatest(at, previously_at + interval '1 millisecond')
      from json_to_recordset(part.versions) as given (deal_id text, version integer, reason text, cause jsonb,
        amount_minor bigint, currency text, closed_date timestamptz, closed_all_day boolean, closed_on date,
        closed_until timestamptz, attribution_model text, model_parameters jsonb, unattributed_minor bigint,
        fingerprint bytea, previously_at timestamptz);
      insert into shares (deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp, touchpoints, role)
      select deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp, touchpoints, role
      from json_to_recordset(part.versions) as given (deal_id text, version integer, currency text,
        closed_date timestamptz, shares json), json_to_recordset(given.shares) as share (partner_id text,
        payout_minor bigint, percentage_bp integer, touchpoints integer, role text);

      insert into deal_deltas (deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor)
      select deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor
      from json_to_recordset(part.deal_deltas) as given (deal_id text, day date, currency text,
        attribution_model text, deals integer, revenue_minor bigint, unattributed_minor bigint);
      insert into partner_deltas (deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints)
      select deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints
      from json_to_recordset(part.partner_deltas) as given (deal_id text, day date, currency text, partners json),
        json_to_recordset(given.partners) as difference (partner_id text, deals integer, payout_minor bigint,
          percentage_bp integer, touchpoints integer);
      insert into touchpoint_deltas (deal_id, day, partner_id, touchpoint_type, touchpoints)
      select deal_id, day, partner_id, touchpoint_type, touchpoints
      from json_to_recordset(part.touchpoint_deltas) as given (deal_id text, day date, partner_id text,
        touchpoint_type text, touchpoints integer);

      for own in
        select currency, attribution_model, closed_date, deal_id, partner_id
        from json_to_recordset(part.unlisted) as given (deal_id text, currency text, attribution_model text,
          closed_date timestamptz, partner_ids json), json_array_elements_text(partner_ids) as partner_id
      loop
        delete from partner_deals where partner_id = own.partner_id and currency = own.currency
          and attribution_model = own.attribution_model and closed_date = own.closed_date and deal_id = own.deal_id;
      end loop;
      insert into partner_deals (partner_id, currency, attribution_model, closed_date, deal_id)
      select partner_id, currency, attribution_model, closed_date, deal_id
      from json_to_recordset(part.listed) as given (deal_id text, currency text, attribution_model text,
        closed_date timestamptz, partner_ids json), json_array_elements_text(partner_ids) as partner_id
      on conflict do nothing;
      return at;
    end $$`.execute(db)
}

async function showCauses(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace view attributions_with_shares as
    select deal_id, version, amount_minor, currency, attribution_model, unattributed_minor, calculated_at, reason, (
      select coalesce(json_agg(json_build_array(partner_id, name, percentage_bp, payout_minor, touchpoints, role)
        order by payout_minor desc, partner_id), '[]'::json)
      from shares join partners on partners.id = partner_id
      where shares.deal_id = attributions.deal_id and shares.version = attributions.version
    ) as shares, cause, case when reason = 'deal_voided' then calculated_at end as voided_at
    from attributions`.execute(db)
}

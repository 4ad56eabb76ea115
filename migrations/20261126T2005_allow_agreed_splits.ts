import { type Kysely, sql } from 'kysely'

/** Partners may be credited by agreement: without touchpoints, and with percentages that leave a part unattributed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table attributions add column unattributed_bp integer not null default 0
      constraint attributions_unattributed_range check (unattributed_bp between 0 and 10000)`.execute(db)
  await sql`
    comment on column attributions.unattributed_bp is 'Hundredths of a percent that an agreed split leaves unattributed. With the shares of this version it adds up to 10000 (checked at commit); 0 if there are none.'`.execute(
    db,
  )
  await sql`alter table shares drop constraint shares_touchpoints_positive`.execute(db)
  await sql`
    alter table shares add constraint shares_touchpoints_counted check (touchpoints >= 0) not valid`.execute(
    db,
  )
  await checkPercentages(db)
  await recordMoreOfDeals(db)
}

export async function down(): Promise<void> {
  throw new Error('Versions of agreed splits would break the guards: restore a backup to go back.')
}

async function checkPercentages(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function check_attribution_adds_up() returns trigger language plpgsql as $$
    declare
      paid bigint;
      percentages bigint;
      rows_found bigint;
    begin
      select coalesce(sum(payout_minor), 0), coalesce(sum(percentage_bp), 0), count(*)
        into paid, percentages, rows_found
        from shares where deal_id = new.deal_id and version = new.version;
      if paid + new.unattributed_minor <> new.amount_minor then
        raise exception 'version % of deal % does not add up to its amount', new.version, new.deal_id
          using errcode = 'check_violation', constraint = 'attributions_add_up';
      end if;
      if rows_found > 0 and percentages + new.unattributed_bp <> 10000 then
        raise exception 'percentages of version % of deal % do not add up to 100.00', new.version, new.deal_id
          using errcode = 'check_violation', constraint = 'attributions_percentages_add_up';
      end if;
      return null;
    end $$`.execute(db)
}

// A release that knows no unattributed percentage may still run: it leaves none.
async function recordMoreOfDeals(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function record_change(change json) returns timestamptz language plpgsql as $$
    declare
      at timestamptz := date_trunc('milliseconds', clock_timestamp());
      part record;
      own record;
    begin
      -- Each use of the arrow operator would parse the whole value again.
      select * into part from json_to_record(change) as part (closed json, changed json, versions json, deal_deltas json,
        partner_deltas json, touchpoint_deltas json, unlisted json, listed json);

      insert into deals (id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until,
        attribution_model, model_parameters, name, metadata, version, submission, created_at, updated_at)
      select id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until, attribution_model,
        model_parameters, name, metadata, 1, submission, at, at
      from json_to_recordset(part.closed) as given (id text, amount_minor bigint, currency text,
        closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
        attribution_model text, model_parameters jsonb, name text, metadata json, submission bytea);

      for own in
        select * from json_to_recordset(part.changed) as given (id text, amount_minor bigint, currency text,
          closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
          attribution_model text, model_parameters jsonb, version integer, void_reason text, previously_at timestamptz,
          is_updated boolean, description json)
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
        fingerprint, calculated_at)
      select deal_id, version, reason, cause, amount_minor, currency, closed_date, closed_all_day, closed_on,
        closed_until, attribution_model, model_parameters, unattributed_minor, coalesce(unattributed_bp, 0),
        fingerprint, greatest(at, previously_at + interval '1 millisecond')
      from json_to_recordset(part.versions) as given (deal_id text, version integer, reason text, cause jsonb,
        amount_minor bigint, currency text, closed_date timestamptz, closed_all_day boolean, closed_on date,
        closed_until timestamptz, attribution_model text, model_parameters jsonb, unattributed_minor bigint,
        unattributed_bp integer, fingerprint bytea, previously_at timestamptz);
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

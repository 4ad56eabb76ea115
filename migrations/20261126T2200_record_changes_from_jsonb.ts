import { type Kysely, sql } from 'kysely'

/**
 * `record_change` takes jsonb: a json value is parsed again by each function that reads it, which was a third of the time of
 * a close in the database.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`drop function record_change(json)`.execute(db)
  await sql`
    create function record_change(change jsonb) returns timestamptz language plpgsql as $$
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
        fingerprint, calculated_at)
      select deal_id, version, reason, cause, amount_minor, currency, closed_date, closed_all_day, closed_on,
        closed_until, attribution_model, model_parameters, unattributed_minor, coalesce(unattributed_bp, 0),
        fingerprint, greatest(at, previously_at + interval '1 millisecond')
      from jsonb_to_recordset(change -> 'versions') as given (deal_id text, version integer, reason text, cause jsonb,
        amount_minor bigint, currency text, closed_date timestamptz, closed_all_day boolean, closed_on date,
        closed_until timestamptz, attribution_model text, model_parameters jsonb, unattributed_minor bigint,
        unattributed_bp integer, fingerprint bytea, previously_at timestamptz);
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

export async function down(): Promise<void> {
  throw new Error('The service sends jsonb: restore a backup to go back.')
}

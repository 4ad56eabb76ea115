import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // As store_open_events without `most`, which the release before goes on calling, and leaves alone the events of deals
  // that would have more than `most` touchpoints with them: those are counted exactly, in a transaction. A deal's count
  // is an index scan that ends after `most` rows.
  await sql`
    create function store_open_events(lock_class integer, deal_keys integer[], given json, most integer)
    returns table (id text, created_at timestamptz) language plpgsql as $$
    #variable_conflict use_column
    declare
      held integer[];
    begin
      select array_agg(deal_key) into held
        from (select distinct deal_key from unnest(deal_keys) as deal_key) as deals
        where pg_try_advisory_xact_lock(lock_class, deal_key);

      return query
        with given as materialized (
          select * from rows from (
            json_to_recordset(given) as (
              id text, deal_id text, partner_id text, touchpoint_type text, timestamp timestamptz, metadata text,
              submission bytea
            ),
            unnest(deal_keys)
          ) as given (id, deal_id, partner_id, touchpoint_type, timestamp, metadata, submission, deal_key)
          where deal_key = any (held)
        ), roomy as (
          select own.deal_id
          from (select deal_id, count(*) as events from given group by deal_id) as own
          where own.events <= most
            and not exists (select from deals where deals.id = own.deal_id)
            and not exists (
              select from events where events.deal_id = own.deal_id offset greatest(most - own.events, 0) limit 1
            )
        )
        insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, metadata, known_from, submission)
        select id, deal_id, partner_id, touchpoint_type, timestamp, metadata::json, 1, submission
        from given join roomy using (deal_id)
        where exists (select from partners where partners.id = given.partner_id and status = 'active')
        on conflict do nothing
        returning events.id, events.created_at;
    end $$`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop function store_open_events(integer, integer[], json, integer)`.execute(db)
}

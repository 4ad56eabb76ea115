import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // One round trip for what most groups hold. Whatever it does not return, because its deal is held or closed, its id
  // taken or its partner not active, it has left alone. Two statements: the insert's snapshot must be younger than the locks.
  await sql`
    create function store_open_events(lock_class integer, deal_keys integer[], given json)
    returns table (id text, created_at timestamptz) language plpgsql as $$
    #variable_conflict use_column
    declare
      held integer[];
    begin
      select array_agg(deal_key) into held
        from (select distinct deal_key from unnest(deal_keys) as deal_key) as deals
        where pg_try_advisory_xact_lock(lock_class, deal_key);

      return query
        insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, metadata, known_from, submission)
        select id, deal_id, partner_id, touchpoint_type, timestamp, metadata::json, 1, submission
        from rows from (
          json_to_recordset(given) as (
            id text, deal_id text, partner_id text, touchpoint_type text, timestamp timestamptz, metadata text,
            submission bytea
          ),
          unnest(deal_keys)
        ) as given (id, deal_id, partner_id, touchpoint_type, timestamp, metadata, submission, deal_key)
        where deal_key = any (held)
          and exists (select from partners where partners.id = given.partner_id and status = 'active')
          and not exists (select from deals where deals.id = given.deal_id)
        on conflict do nothing
        returning events.id, events.created_at;
    end $$`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop function store_open_events(integer, integer[], json)`.execute(db)
}

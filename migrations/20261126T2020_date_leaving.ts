import { type Kysely, sql } from 'kysely'

/** An inactive partner takes the touchpoints that it made before it left. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table partners add column left_at timestamptz(3)`.execute(db)
  await sql`
    comment on column partners.left_at is 'When the partner became inactive: earlier touchpoints are taken. Null: it is active, or a release before 0.2.0 made it inactive, and it takes none.'`.execute(
    db,
  )
  await storeEventsOfLeavers(db)
}

export async function down(): Promise<void> {
  throw new Error('store_events reads left_at: restore a backup to go back.')
}

// Events of open deals need no version, so their touchpoints are counted here and one statement is their whole transaction.
async function storeEventsOfLeavers(db: Kysely<unknown>): Promise<void> {
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
      active jsonb;
      leavers jsonb;
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
      select jsonb_object_agg(partners.id, left_at) into leavers from partners
        where status = 'inactive' and partners.id = any (partner_ids);

      for own in
        insert into events
          (id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, metadata, known_from, submission)
        select id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, metadata::json,
          (known_from ->> deal_id)::integer, submission
        from json_to_recordset(given) as given (id text, deal_id text, partner_id text, touchpoint_type text,
          timestamp timestamptz, happened_on date, metadata text, submission bytea)
        where known_from ? deal_id
          and (active ? partner_id or timestamp < (leavers ->> partner_id)::timestamptz)
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

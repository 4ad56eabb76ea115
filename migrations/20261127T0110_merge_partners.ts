import { type Kysely, sql } from 'kysely'

/** A partner is merged into another one: first it is marked, then a job moves what it has, deal by deal. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table partners add column merged_into text collate "C"
      constraint partners_merged_into_known references partners (id)
      constraint partners_merged_into_another check (merged_into <> id)`.execute(db)
  await sql`comment on column partners.merged_into is 'The partner that has its touchpoints now, and takes what is sent for it. Null: it was not merged.'`.execute(
    db,
  )
  await sql`create index partners_merged on partners (merged_into) where merged_into is not null`.execute(db)
  await createMerges(db)
  await storeNoEventsOfMerged(db)
}

export async function down(): Promise<void> {
  throw new Error('Merged partners would take events again: restore a backup to go back.')
}

async function createMerges(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table partner_merges (
      partner_id text collate "C" primary key
        constraint partner_merges_partner_known references partners (id),
      into_id text collate "C" not null
        constraint partner_merges_into_known references partners (id),
      reason text not null,
      api_key_id text not null,
      deals_total integer,
      deals_moved integer not null default 0,
      created_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      finished_at timestamptz(3)
    )`.execute(db)
  await sql`create index partner_merges_running on partner_merges (created_at, partner_id) where finished_at is null`.execute(
    db,
  )
  await sql`comment on table partner_merges is 'One row for each partner that was merged into another.'`.execute(
    db,
  )
  const comments = {
    deals_total: 'Deals to move, counted when the job begins. Null: it has not begun.',
    deals_moved: 'Deals moved so far.',
    finished_at: 'When the last deal was moved. Null: the job goes on.',
  }
  for (const [column, text] of Object.entries(comments)) {
    await sql`comment on column ${sql.ref(`partner_merges.${column}`)} is ${sql.lit(text)}`.execute(db)
  }
}

// Events of open deals need no version, so their touchpoints are counted here and one statement is their whole transaction.
async function storeNoEventsOfMerged(db: Kysely<unknown>): Promise<void> {
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
      -- Locked, so that no merge of a partner begins before its events are stored. A merged partner takes none.
      select jsonb_object_agg(held.id, true) filter (where status = 'active' and not has_left),
          array_agg(held.id) filter (where status = 'inactive' or has_left)
        into present, leavers
      from (
        select partners.id, status, has_left from partners where partners.id = any (partner_ids) and merged_into is null
        order by partners.id for key share
      ) as held;
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

import { type Kysely, sql } from 'kysely'

/** Events are corrected and reinstated under their ids; their earlier revisions stay on record. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table events
      add column revision integer not null default 1,
      add column revised_at timestamptz(3)`.execute(db)
  await sql`comment on column events.revision is 'Adds 1 when the event is corrected, reinstated or moved to another partner by a merge.'`.execute(
    db,
  )
  await sql`comment on column events.revised_at is 'When this revision replaced the one before. Null: it is the first.'`.execute(
    db,
  )
  await createRevisions(db)
  await createReviseEvents(db)
  await addReasons(db)
}

export async function down(): Promise<void> {
  throw new Error(
    'Earlier revisions would be lost, and versions could not be replayed: restore a backup to go back.',
  )
}

// No foreign key to the event: it may be on another deal by now, and rows of different deals need not be on one machine.
async function createRevisions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table event_revisions (
      event_id text collate "C" not null,
      revision integer not null,
      deal_id text collate "C" not null,
      partner_id text collate "C" not null
        constraint event_revisions_partner_known references partners (id),
      touchpoint_type text not null,
      timestamp timestamptz(3) not null,
      metadata json,
      known_from integer not null,
      known_until integer not null,
      void_from integer,
      voided_at timestamptz(3),
      void_reason text,
      created_at timestamptz(3) not null,
      revised_at timestamptz(3),
      replaced_at timestamptz(3) not null,
      replaced_by text not null,
      note text,
      api_key_id text,
      constraint event_revisions_pkey primary key (event_id, revision),
      constraint event_revisions_replaced_by_known
        check (replaced_by in ('event_corrected', 'event_reinstated', 'partner_merged'))
    )`.execute(db)
  await sql`create index event_revisions_of_deal on event_revisions (deal_id)`.execute(db)
  await sql`create index event_revisions_of_partner on event_revisions (partner_id)`.execute(db)
  await sql`
    create trigger event_revisions_append_only before update or delete or truncate on event_revisions
    for each statement execute function refuse_change()`.execute(db)
  await sql`comment on table event_revisions is 'Events as they were before a correction. The current revision is in events. Append-only.'`.execute(
    db,
  )
  const comments = {
    revision: '1, 2, 3 and so on for each event.',
    deal_id: 'The deal that the event was on.',
    metadata: 'As events.metadata at this revision.',
    known_from: 'First version of this deal that reads the revision.',
    known_until:
      'First version of this deal that no longer reads it: deals.version + 1 when it was replaced.',
    void_from: 'First version of this deal that does not count it. Null: it counted.',
    created_at: 'When the event was stored.',
    revised_at: 'When this revision replaced the one before. Null: it is the first.',
    replaced_at: 'When the next revision replaced it.',
    replaced_by: 'The change that replaced it.',
    note: 'Why it was replaced.',
    api_key_id: 'The API key of the request that replaced it.',
  }
  for (const [column, text] of Object.entries(comments)) {
    await sql`comment on column ${sql.ref(`event_revisions.${column}`)} is ${sql.lit(text)}`.execute(db)
  }
}

async function createReviseEvents(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function revise_events(given json) returns timestamptz language plpgsql as $$
    declare
      at timestamptz := date_trunc('milliseconds', clock_timestamp());
      own record;
    begin
      for own in
        select * from json_to_recordset(given) as given (id text, deal_id text, partner_id text, touchpoint_type text,
          timestamp timestamptz, happened_on date, metadata text, keeps_metadata boolean, known_until integer,
          known_from integer, void_from integer, replaced_by text, note text, api_key_id text)
      loop
        insert into event_revisions (event_id, revision, deal_id, partner_id, touchpoint_type, timestamp, metadata,
          known_from, known_until, void_from, voided_at, void_reason, created_at, revised_at, replaced_at, replaced_by,
          note, api_key_id)
        select id, revision, deal_id, partner_id, touchpoint_type, timestamp, metadata, known_from, own.known_until,
          void_from, voided_at, void_reason, created_at, revised_at, at, own.replaced_by, own.note, own.api_key_id
        from events where id = own.id;
        update events set deal_id = own.deal_id, partner_id = own.partner_id, touchpoint_type = own.touchpoint_type,
          timestamp = own.timestamp, happened_on = own.happened_on,
          metadata = case when own.keeps_metadata then metadata else own.metadata::json end,
          known_from = own.known_from, void_from = own.void_from,
          voided_at = case when own.void_from is not null then voided_at end,
          void_reason = case when own.void_from is not null then void_reason end,
          revision = revision + 1, revised_at = at
        where id = own.id;
      end loop;
      return at;
    end $$`.execute(db)
}

async function addReasons(db: Kysely<unknown>): Promise<void> {
  await sql`alter table attributions drop constraint attributions_reason_known`.execute(db)
  await sql`
    alter table attributions add constraint attributions_reason_known check (reason in ('closed', 'late_event', 'amended',
      'event_voided', 'event_corrected', 'event_reinstated', 'deal_voided', 'deal_reinstated', 'partner_merged',
      'recalculated')) not valid`.execute(db)
}

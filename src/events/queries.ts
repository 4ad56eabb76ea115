import { type Kysely, sql } from 'kysely'
import { classes, lockKeyOf } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { Event, EventRow } from './schemas.ts'

const plainColumns = [
  'events.id',
  'events.partner_id',
  'events.deal_id',
  'events.touchpoint_type',
  'events.timestamp',
  'events.voided_at',
  'events.void_reason',
  'events.created_at',
] as const

const eventColumns = [...plainColumns, 'events.metadata'] as const

/** For lists: metadata as the stored JSON text. */
export const listedColumns = [
  ...plainColumns,
  sql<string | null>`events.metadata::text`.as('metadata'),
] as const

/** An event as a client sent it, converted to columns, with the digest of the request. */
export type EventSubmission = Pick<
  EventRow,
  'id' | 'partner_id' | 'deal_id' | 'touchpoint_type' | 'timestamp' | 'metadata' | 'submission'
>

/**
 * Stores the events whose deal is open, not locked and has at most `most` touchpoints including them, whose id is free and
 * whose partner is active: a whole transaction in one round trip, enough for most groups. Returns created_at by id.
 */
export async function storeOpenEvents(
  db: Kysely<Database>,
  events: readonly EventSubmission[],
  most: number,
): Promise<ReadonlyMap<string, string>> {
  const dealKeys = events.map(({ deal_id }) => lockKeyOf(deal_id))
  const { rows } = await sql<{ id: string; created_at: string }>`
    select id, created_at from store_open_events(${classes.deal}, ${dealKeys}, ${JSON.stringify(events.map(toGiven))},
      ${most})`.execute(db)
  return new Map(rows.map(({ id, created_at }) => [id, created_at]))
}

/** An event without its metadata, but with the digest of its submission. */
export type StoredEvent = Omit<Event, 'metadata'> & Pick<EventRow, 'submission'>

/**
 * Inserts the events whose id is free, whose partner is active and whose deal has at most `most` touchpoints including
 * them. Returns them, and whether their deals are closed.
 */
// The limit tells the planner how many events there are; without it the planner reads all deals and partners.
export async function insertEvents(
  trx: Kysely<Database>,
  events: readonly EventSubmission[],
  most: number,
): Promise<(StoredEvent & { is_closed: boolean })[]> {
  const given = events.map((event, n) => ({ n, ...toGiven(event) }))
  const { rows } = await sql<StoredEvent & { is_closed: boolean }>`
    with firsts as materialized (
      select distinct on (given.id) given.*
      from (
        select * from json_to_recordset(${JSON.stringify(given)}) as given (
          n integer, id text, deal_id text, partner_id text, touchpoint_type text, timestamp timestamptz, metadata text,
          submission bytea
        ) limit ${given.length}
      ) as given
      join partners on partners.id = given.partner_id and partners.status = 'active'
      order by given.id, given.n
    ), roomy as (
      select own.deal_id, coalesce(deals.version, 0) + 1 as known_from
      from (select deal_id, count(*) as events from firsts group by deal_id) as own
      left join deals on deals.id = own.deal_id
      where own.events <= ${most} and not exists (
        select from events where events.deal_id = own.deal_id offset greatest(${most} - own.events, 0) limit 1
      )
    )
    insert into events
      (id, deal_id, partner_id, touchpoint_type, timestamp, metadata, known_from, submission)
    select id, deal_id, partner_id, touchpoint_type, timestamp, metadata::json, known_from, submission
    from firsts join roomy using (deal_id)
    on conflict do nothing
    returning ${sql.join(plainColumns.map((column) => sql.ref(column)))}, known_from > 1 as is_closed,
      events.submission`.execute(trx)
  return rows
}

function toGiven({ metadata, submission, ...event }: EventSubmission) {
  return {
    ...event,
    metadata: metadata === null ? null : JSON.stringify(metadata),
    submission: `\\x${submission.toString('hex')}`,
  }
}

export function findEvent(db: Kysely<Database>, id: string): Promise<Event | undefined> {
  return db.selectFrom('events').select(eventColumns).where('id', '=', id).executeTakeFirst()
}

/** The stored events with these ids. */
export function listSubmitted(db: Kysely<Database>, ids: readonly string[]): Promise<StoredEvent[]> {
  return db
    .selectFrom('events')
    .select([...plainColumns, 'events.submission'])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
}

/** The status of the partners that exist, by id. */
export async function listPartnerStatuses(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('partners')
    .select(['id', 'status'])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map(({ id, status }) => [id, status]))
}

/** Events, newest first, with their metadata as text; optionally only those of a deal or a partner. */
export async function listEvents(
  db: Kysely<Database>,
  { deal_id, partner_id, ...page }: PageQuery & { deal_id?: string; partner_id?: string },
) {
  const start = readPageStart(page, 2)
  let query = db
    .selectFrom('events')
    .select(listedColumns)
    .orderBy('timestamp', 'desc')
    .orderBy('id', 'desc')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (deal_id !== undefined) query = query.where('deal_id', '=', deal_id)
  if (partner_id !== undefined) query = query.where('partner_id', '=', partner_id)
  if (start.key !== undefined) {
    query = query.where(sql<boolean>`(timestamp, id) < (${start.key[0]}::timestamptz, ${start.key[1]})`)
  }
  return toPage(await query.execute(), start, ({ timestamp, id }) => [timestamp, id])
}

/** Marks an event void, from the next version of its deal on; undefined if it already was. */
export function markEventVoid(trx: Kysely<Database>, id: string, reason: string): Promise<Event | undefined> {
  return trx
    .updateTable('events')
    .set({
      voided_at: sql`date_trunc('milliseconds', clock_timestamp())`,
      void_reason: reason,
      void_from: sql`coalesce((select version from deals where deals.id = events.deal_id), 0) + 1`,
    })
    .where('id', '=', id)
    .where('voided_at', 'is', null)
    .returning(eventColumns)
    .executeTakeFirst()
}

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

export const eventColumns = [...plainColumns, 'events.metadata'] as const

/** For lists: metadata as the stored JSON text. */
export const listedColumns = [
  ...plainColumns,
  sql<string | null>`events.metadata::text`.as('metadata'),
] as const

/** An event as a client sent it, converted to columns, with the digest of the request and the API key of the client. */
export type EventSubmission = Pick<
  EventRow,
  'id' | 'partner_id' | 'deal_id' | 'touchpoint_type' | 'timestamp' | 'metadata' | 'submission'
> & { happened_on: string; keyId: string }

interface EventStorage {
  /** The most touchpoints of a deal, including these. */
  readonly most: number
  /** Only the events of open deals, whose touchpoints are counted too: a whole transaction in one round trip. */
  readonly onlyOpen: boolean
}

/** Distinct events as parameters of the database function `store_events`. */
export interface EventParameters {
  readonly deals: string
  readonly partnerIds: readonly string[]
  readonly given: string
}

/** The events as parameters. The ids are distinct. */
export function toParameters(events: readonly EventSubmission[]): EventParameters {
  const deals = [...Map.groupBy(events, ({ deal_id }) => deal_id)].map(([deal_id, own]) => ({
    deal_id,
    deal_key: lockKeyOf(deal_id),
    events: own.length,
  }))
  return {
    deals: JSON.stringify(deals),
    partnerIds: partnerIdsOf(events),
    given: JSON.stringify(events.map(toGiven)),
  }
}

/**
 * Stores the events whose deal has room and is not locked by another transaction, whose id is free and whose partner
 * was active then. Returns created_at by id.
 */
export async function storeEvents(
  db: Kysely<Database>,
  { deals, partnerIds, given }: EventParameters,
  { most, onlyOpen }: EventStorage,
): Promise<ReadonlyMap<string, string>> {
  if (partnerIds.length === 0) return new Map()
  const { rows } = await sql<{ id: string; created_at: string }>`
    select * from store_events(${classes.deal}, ${deals}, ${partnerIds}, ${given}, ${most}, ${onlyOpen})`.execute(
    db,
  )
  return new Map(rows.map(({ id, created_at }) => [id, created_at]))
}

function toGiven({ metadata, submission, keyId: _, ...event }: EventSubmission) {
  return {
    ...event,
    metadata: metadata === null ? null : JSON.stringify(metadata),
    submission: `\\x${submission.toString('hex')}`,
  }
}

/** An event with the digest of its submission, and with its metadata only if it was revised. */
export type StoredEvent = Omit<Event, 'metadata'> &
  Pick<EventRow, 'submission' | 'revision'> & { revised_metadata: Event['metadata'] }

export function findEvent(db: Kysely<Database>, id: string): Promise<Event | undefined> {
  return db.selectFrom('events').select(eventColumns).where('id', '=', id).executeTakeFirst()
}

/** The events with these ids. */
export function listEventsById(db: Kysely<Database>, ids: readonly string[]): Promise<Event[]> {
  return db
    .selectFrom('events')
    .select(eventColumns)
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
}

/** The stored events with these ids. */
export function listSubmitted(db: Kysely<Database>, ids: readonly string[]): Promise<StoredEvent[]> {
  return db
    .selectFrom('events')
    .select([
      ...plainColumns,
      'events.submission',
      'events.revision',
      sql<Event['metadata']>`case when revision > 1 then metadata end`.as('revised_metadata'),
    ])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
}

type Dated = Pick<EventSubmission, 'partner_id' | 'timestamp'>

/** Whether the partner of each event was active then. An event of a partner that does not exist is left out. */
export async function listPresences<Event extends Dated>(
  db: Kysely<Database>,
  events: readonly Event[],
): Promise<ReadonlyMap<Event, boolean>> {
  const { rows } = await sql<{ id: string; has_left: boolean }>`
    select id, has_left or status = 'inactive' as has_left from partners
    where id = any(${partnerIdsOf(events)}::text[])`.execute(db)
  const partners = new Map(rows.map(({ id, has_left }) => [id, has_left]))
  const known = events.filter(({ partner_id }) => partners.has(partner_id))
  const absent = await listAbsent(
    db,
    known.filter(({ partner_id }) => partners.get(partner_id) === true),
  )
  return new Map(known.map((event) => [event, !absent.has(event)]))
}

/** The events whose partner was inactive then. */
async function listAbsent(db: Kysely<Database>, events: readonly Dated[]): Promise<ReadonlySet<Dated>> {
  if (events.length === 0) return new Set()
  const dated = events.map(({ partner_id, timestamp }, place) => ({ place, partner_id, timestamp }))
  const { rows } = await sql<{ place: number }>`
    select place
    from absences_of(${partnerIdsOf(events)}) as absences,
      json_to_recordset(${JSON.stringify(dated)}) as given (place integer, partner_id text, timestamp timestamptz)
    where timestamp <@ (absences ->> partner_id)::tstzmultirange`.execute(db)
  return new Set(rows.map(({ place }) => events[place] as Dated))
}

function partnerIdsOf(events: readonly Dated[]): readonly string[] {
  return [...new Set(events.map(({ partner_id }) => partner_id))]
}

interface EventFilter extends PageQuery {
  readonly deal_id?: string
  readonly partner_id?: string
  /** Of this instant or later. */
  readonly from?: string
  readonly before?: string
}

/** Events, newest first, with their metadata as text; optionally only those of a deal, a partner or a period. */
export async function listEvents(
  db: Kysely<Database>,
  { deal_id, partner_id, from, before, ...page }: EventFilter,
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
  if (from !== undefined) query = query.where('timestamp', '>=', from)
  if (before !== undefined) query = query.where('timestamp', '<', before)
  if (start.key !== undefined) {
    query = query.where(sql<boolean>`(timestamp, id) < (${start.key[0]}::timestamptz, ${start.key[1]})`)
  }
  return toPage(await query.execute(), start, ({ timestamp, id }) => [timestamp, id])
}

/** Marks an event void, from a version of its deal on; undefined if it already was. */
export function markEventVoid(
  trx: Kysely<Database>,
  { id, reason, void_from }: EventVoid,
): Promise<(Event & { happened_on: string }) | undefined> {
  const voided_at = sql<string>`date_trunc('milliseconds', clock_timestamp())`
  // An event of a release without days counts on its day in UTC, and the constraint wants a day.
  const happened_on = sql<string>`coalesce(happened_on, (timestamp at time zone 'UTC')::date)`
  return trx
    .updateTable('events')
    .set({ voided_at, void_reason: reason, void_from, happened_on })
    .where('id', '=', id)
    .where('voided_at', 'is', null)
    .returning([...eventColumns, happened_on.as('happened_on')])
    .executeTakeFirst()
}

interface EventVoid {
  readonly id: string
  readonly reason: string
  readonly void_from: number
}

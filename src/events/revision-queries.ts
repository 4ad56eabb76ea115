import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import { eventColumns } from './queries.ts'
import type { Event, EventRevision, EventRow } from './schemas.ts'

/** An event with what a correction of it needs. */
export type RevisableEvent = Event & Pick<EventRow, 'happened_on' | 'void_from'>

/** The events with these ids, by id. Read them under the locks of their deals. */
export async function findRevisable(
  trx: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RevisableEvent>> {
  const rows = await trx
    .selectFrom('events')
    .select([...eventColumns, 'happened_on', 'void_from'])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}

/** The deals that these events are on, by event id. */
export async function listDealsOf(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('events')
    .select(['id', 'deal_id'])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map(({ id, deal_id }) => [id, deal_id]))
}

/** A revision with its metadata as the stored JSON text. */
export type ListedRevision = Omit<EventRevision, 'metadata'> & { metadata: string | null }

/** The revisions of an event, oldest first; the last one is current. */
export async function listRevisionsOf(db: Kysely<Database>, eventId: string, query: PageQuery) {
  const start = readPageStart(query, 1)
  const after = Number(start.key?.[0] ?? 0)
  const { rows } = await sql<ListedRevision>`
    select revision, partner_id, deal_id, touchpoint_type, timestamp, voided_at, void_reason,
      coalesce(revised_at, created_at) as known_at, replaced_at, replaced_by, note, api_key_id, metadata::text
    from event_revisions where event_id = ${eventId} and revision > ${after}
    union all
    select revision, partner_id, deal_id, touchpoint_type, timestamp, voided_at, void_reason,
      coalesce(revised_at, created_at), null, null, null, null, metadata::text
    from events where id = ${eventId} and revision > ${after}
    order by revision limit ${start.limit + 1}`.execute(db)
  return toPage(rows, start, ({ revision }) => [String(revision)])
}

import { type Kysely, sql } from 'kysely'
import { v7 as uuid } from 'uuid'
import type { Database } from '../database/tables.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { Actor, AuditEntry, NewAuditEntry } from './schemas.ts'

/** Records an action in the transaction that performs it. */
export async function insertAuditEntry(
  trx: Kysely<Database>,
  actor: Actor,
  entry: NewAuditEntry,
): Promise<void> {
  await trx
    .insertInto('audit')
    .values({ id: `aud_${uuid()}`, ...actor, ...entry })
    .execute()
}

export interface AuditFilter
  extends PageQuery, Partial<Pick<AuditEntry, 'subject_kind' | 'subject_id' | 'action'>> {
  readonly key_id?: string
  /** At or after this instant. */
  readonly from?: string
  /** Before this instant. */
  readonly before?: string
}

/** Entries newest first. */
export async function listAuditEntries(db: Kysely<Database>, { from, before, ...filter }: AuditFilter) {
  const start = readPageStart(filter, 2)
  let query = db
    .selectFrom('audit')
    .selectAll()
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  for (const column of ['subject_kind', 'subject_id', 'action', 'key_id'] as const) {
    const value = filter[column]
    if (value !== undefined) query = query.where(column, '=', value)
  }
  if (from !== undefined) query = query.where('at', '>=', from)
  if (before !== undefined) query = query.where('at', '<', before)
  if (start.key !== undefined) {
    query = query.where(sql<boolean>`(at, id) < (${start.key[0]}::timestamptz, ${start.key[1]})`)
  }
  return toPage(await query.execute(), start, ({ at, id }) => [at, id])
}

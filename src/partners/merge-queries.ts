import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { MergeRow, PartnerRow } from './schemas.ts'

export function findMerge(db: Kysely<Database>, partnerId: string): Promise<MergeRow | undefined> {
  return db.selectFrom('partner_merges').selectAll().where('partner_id', '=', partnerId).executeTakeFirst()
}

/** The partners of the unfinished merges that merge one of these partners, or another one into it. */
export async function listMerging(db: Kysely<Database>, ids: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('partner_merges')
    .select(['partner_id', 'into_id'])
    .where('finished_at', 'is', null)
    .execute()
  return rows.flatMap(({ partner_id, into_id }) => [partner_id, into_id]).filter((id) => ids.includes(id))
}

/**
 * Locks a partner, and those that were merged into it, against all that refers to them: it waits for submissions that have
 * read them.
 */
export async function lockForMerge(trx: Kysely<Database>, id: string): Promise<PartnerRow | undefined> {
  const rows = await trx
    .selectFrom('partners')
    .selectAll()
    .where((eb) => eb.or([eb('id', '=', id), eb('merged_into', '=', id)]))
    .orderBy('id')
    .forUpdate()
    .execute()
  return rows.find((row) => row.id === id)
}

/** Marks a partner merged, and with it those that were merged into it before. */
export async function markMerged(trx: Kysely<Database>, id: string, into: string): Promise<void> {
  const now = sql<string>`date_trunc('milliseconds', clock_timestamp())`
  await trx
    .updateTable('partners')
    .set({ merged_into: into, updated_at: now })
    .where((eb) => eb.or([eb('id', '=', id), eb('merged_into', '=', id)]))
    .execute()
}

export function insertMerge(
  trx: Kysely<Database>,
  merge: Pick<MergeRow, 'partner_id' | 'into_id' | 'reason' | 'api_key_id'>,
): Promise<MergeRow> {
  return trx.insertInto('partner_merges').values(merge).returningAll().executeTakeFirstOrThrow()
}

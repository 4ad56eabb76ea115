import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import type { Presence, SourceRange } from './presence-schemas.ts'

const mostChanges = 200
const mostCounted = 1_000_000

interface Absence {
  readonly missing: readonly string[]
  readonly back: readonly string[]
}

/** Voids what a source lacks, and reinstates what it has again if nobody else voided it. */
export type FollowSource = (
  trx: Kysely<Database>,
  absence: Absence,
  by: { readonly reason: string; readonly keyId: string },
) => Promise<{ readonly voided: number; readonly reinstated: number }>

interface Following {
  readonly range: SourceRange
  readonly keyId: string
  readonly follow: FollowSource
}

/**
 * Compares the ids that a source holds within a range with those that it listed before. Remembers new ones, reinstates what
 * is back, and voids or counts what is missing. Writes nothing if nothing changed. Errors: 400.
 */
export async function followRange(
  trx: Kysely<Database>,
  { range, keyId, follow }: Following,
): Promise<Presence> {
  confirmOrder(range)
  if (range.missing === 'count') return countMissing(trx, range)
  const listed = await listItems(trx, range)
  const added = range.ids.filter((id) => !listed.has(id))
  const back = range.ids.filter((id) => listed.get(id))
  const voids = range.missing === 'void'
  // What is back comes first, so that no deal gets two versions in one transaction.
  const missing = voids && back.length === 0 ? await listMissing(trx, range) : []
  const changes = { back: back.slice(0, mostChanges), missing: missing.slice(0, mostChanges) }
  const by = { reason: `Missing from ${range.source}`, keyId }
  const hasChanges = back.length + missing.length > 0
  const done = hasChanges ? await follow(trx, changes, by) : { voided: 0, reinstated: 0 }
  await remember(trx, range, { added, ...changes })
  const is_complete = voids ? back.length === 0 && missing.length <= mostChanges : back.length <= mostChanges
  return { ...done, missing_count: null, is_complete }
}

async function countMissing(trx: Kysely<Database>, range: SourceRange): Promise<Presence> {
  const { missing_count } = await trx
    .selectFrom(selectMissing(trx, range).limit(mostCounted).as('missing'))
    .select(sql<number>`count(*)::int`.as('missing_count'))
    .executeTakeFirstOrThrow()
  return { voided: 0, reinstated: 0, missing_count, is_complete: true }
}

function confirmOrder({ ids, after, until }: SourceRange): void {
  const bounded = [...(after ? [after] : []), ...ids]
  const wrong = bounded.findIndex((id, index) => index > 0 && id <= (bounded[index - 1] as string))
  const first = after ? 1 : 0
  if (wrong !== -1)
    throw invalid([
      {
        pointer: `/ids/${wrong - first}`,
        detail: 'The ids must be in the order of their characters, each once, after `after`.',
      },
    ])
  if (until && (bounded.at(-1) ?? until) > until)
    throw invalid([
      { pointer: '/until', detail: 'The range must end with the last of the ids, or after it.' },
    ])
}

/** Those of the ids that the source listed before, and whether it lacked them last. */
async function listItems(
  trx: Kysely<Database>,
  { source, kind, ids }: SourceRange,
): Promise<ReadonlyMap<string, boolean>> {
  const rows = await trx
    .selectFrom('source_items')
    .select(['id', 'missing_since'])
    .where('source', '=', source)
    .where('kind', '=', kind)
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map(({ id, missing_since }) => [id, missing_since !== null]))
}

/** The first ids of the range that the source listed before and lacks now: one more than may change. */
async function listMissing(trx: Kysely<Database>, range: SourceRange): Promise<readonly string[]> {
  const rows = await selectMissing(trx, range)
    .orderBy('id')
    .limit(mostChanges + 1)
    .execute()
  return rows.map(({ id }) => id)
}

function selectMissing(trx: Kysely<Database>, { source, kind, ids, after, until }: SourceRange) {
  let query = trx
    .selectFrom('source_items')
    .select('id')
    .where('source', '=', source)
    .where('kind', '=', kind)
    .where('missing_since', 'is', null)
    .where('id', '<>', sql<string>`all(${ids}::text[])`)
  if (after) query = query.where('id', '>', after)
  if (until) query = query.where('id', '<=', until)
  return query
}

interface Changes extends Absence {
  readonly added: readonly string[]
}

async function remember(
  trx: Kysely<Database>,
  { source, kind }: SourceRange,
  { added, back, missing }: Changes,
): Promise<void> {
  if (added.length > 0)
    await trx
      .insertInto('source_items')
      .values(added.map((id) => ({ source, kind, id })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  const mark = async (ids: readonly string[], missing_since: string | null) => {
    if (ids.length === 0) return
    await trx
      .updateTable('source_items')
      .set({ missing_since })
      .where('source', '=', source)
      .where('kind', '=', kind)
      .where('id', '=', sql<string>`any(${ids}::text[])`)
      .execute()
  }
  await mark(back, null)
  await mark(missing, new Date().toISOString())
}

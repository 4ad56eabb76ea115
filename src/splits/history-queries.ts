import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { AttributionVersion } from './schemas.ts'
import { DealNotFound } from '../errors.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import { type Cause } from '../record/schemas.ts'
import { toAttribution } from './queries.ts'

/** Earlier releases stored no cause. */
const unknownCause: Cause = { event_ids: [], events_count: 0, note: null, api_key_ids: [] }
// A page of 1,000 versions with 500 shares each would be 75 MB.
const mostShares = 5000

/** Versions of a deal's split, oldest first; a page with many shares has fewer versions than its limit. Errors: 404. */
export async function listHistory(db: Kysely<Database>, dealId: string, query: PageQuery) {
  const start = readPageStart(query, 1)
  const after = Number(start.key?.[0] ?? 0)
  const sizes = await listSizes(db, { dealId, after, limit: start.limit + 1 })
  if (sizes.length === 0) throw new DealNotFound(dealId)
  const fitting = { ...start, limit: Math.min(countFitting(sizes), start.limit) }
  const { page, pagination } = toPage(sizes, fitting, ({ version }) => [String(version)])
  const versions = await listVersions(
    db,
    dealId,
    page.map(({ version }) => version),
  )
  return { versions, pagination: { ...pagination, limit: start.limit } }
}

interface VersionSize {
  readonly version: number
  readonly shares: bigint
}

function listSizes(
  db: Kysely<Database>,
  { dealId, after, limit }: { readonly dealId: string; readonly after: number; readonly limit: number },
): Promise<readonly VersionSize[]> {
  return db
    .selectFrom('attributions')
    .select([
      'version',
      sql<bigint>`(select count(*) from shares where shares.deal_id = attributions.deal_id
        and shares.version = attributions.version)`.as('shares'),
    ])
    .where('deal_id', '=', dealId)
    .where('version', '>', after)
    .orderBy('version')
    .limit(limit)
    .execute()
}

/** How many of these splits fit into a page by their shares; at least one. */
export function countFitting(sizes: readonly Pick<VersionSize, 'shares'>[]): number {
  let shares = 0
  const index = sizes.findIndex((size, n) => (shares += Number(size.shares)) > mostShares && n > 0)
  return index === -1 ? sizes.length : index
}

async function listVersions(
  db: Kysely<Database>,
  dealId: string,
  versions: readonly number[],
): Promise<AttributionVersion[]> {
  const rows = await db
    .selectFrom('attributions_with_shares')
    .selectAll()
    .where('deal_id', '=', dealId)
    .where('version', 'in', versions)
    .orderBy('version')
    .execute()
  return rows.map((row) => ({ ...toAttribution(row), reason: row.reason, cause: row.cause ?? unknownCause }))
}

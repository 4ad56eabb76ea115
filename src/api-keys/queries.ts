import { type Kysely, sql } from 'kysely'
import { v7 as uuid } from 'uuid'
import type { Database } from '../database/tables.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { ApiKey, ApiKeyChange, ApiKeyRow } from './schemas.ts'

const columns = [
  'id',
  'name',
  'scopes',
  'rate_limit_max',
  'expires_at',
  'revoked_at',
  'last_used_at',
  'rotated_from',
  'created_at',
] as const

const lineage = sql<string>`coalesce(lineage, id)`.as('lineage')
const isLive = sql<boolean>`revoked_at is null and coalesce(expires_at > clock_timestamp(), true)`

/** All keys, newest first, for the command line. */
export function listKeys(db: Kysely<Database>): Promise<ApiKey[]> {
  return selectKeys(db).execute()
}

export async function listKeyPage(db: Kysely<Database>, page: PageQuery) {
  const start = readPageStart(page, 2)
  let query = selectKeys(db)
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (start.key !== undefined) {
    query = query.where(sql<boolean>`(created_at, id) < (${start.key[0]}::timestamptz, ${start.key[1]})`)
  }
  return toPage(await query.execute(), start, ({ created_at, id }) => [created_at, id])
}

function selectKeys(db: Kysely<Database>) {
  return db.selectFrom('api_keys').select(columns).orderBy('created_at', 'desc').orderBy('id', 'desc')
}

export function insertKey(
  db: Kysely<Database>,
  key: Omit<ApiKeyRow, 'id' | 'revoked_at' | 'last_used_at' | 'created_at'>,
): Promise<ApiKey> {
  return db
    .insertInto('api_keys')
    .values({ id: `key_${uuid()}`, ...key })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

/** The key with this hash, unless it is revoked or expired. */
export function findLiveKey(
  db: Kysely<Database>,
  keyHash: Buffer,
): Promise<(ApiKey & { lineage: string }) | undefined> {
  return db
    .selectFrom('api_keys')
    .select([...columns, lineage])
    .where('key_hash', '=', keyHash)
    .where(isLive)
    .executeTakeFirst()
}

export function findKey(
  db: Kysely<Database>,
  id: string,
): Promise<(ApiKey & { lineage: string; is_live: boolean }) | undefined> {
  return db
    .selectFrom('api_keys')
    .select([...columns, lineage, isLive.as('is_live')])
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Whether the database has API keys, and whether any of them is live. */
export async function probeKeys(
  db: Kysely<Database>,
): Promise<{ has_keys: boolean; has_live_keys: boolean }> {
  const { rows } = await sql<{ has_keys: boolean; has_live_keys: boolean }>`
    select exists (select from api_keys) as has_keys,
      exists (select from api_keys where ${isLive}) as has_live_keys`.execute(db)
  return rows[0] as (typeof rows)[0]
}

/** Whether any key in the chain of rotations after this one is live. */
export async function hasLiveSuccessor(db: Kysely<Database>, id: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    with recursive successors as (
      select id from api_keys where rotated_from = ${id}
      union all
      select next.id from successors join api_keys as next on next.rotated_from = successors.id
    )
    select exists (select from api_keys where id in (select id from successors) and ${isLive}) as found`.execute(
    db,
  )
  return rows[0]?.found === true
}

/** Updates last_used_at, at most once a minute. */
export async function touchKey(db: Kysely<Database>, id: string): Promise<void> {
  await db
    .updateTable('api_keys')
    .set({ last_used_at: sql`date_trunc('milliseconds', clock_timestamp())` })
    .where('id', '=', id)
    .where(sql<boolean>`coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)`)
    .execute()
}

/** Changes a live key; undefined if it is not live. */
export function updateKey(
  db: Kysely<Database>,
  id: string,
  change: ApiKeyChange,
): Promise<ApiKey | undefined> {
  return db
    .updateTable('api_keys')
    .set(change)
    .where('id', '=', id)
    .where(isLive)
    .returning(columns)
    .executeTakeFirst()
}

/** Expires a live key after the overlap, or earlier if it was to expire earlier; undefined if it is not live. */
export function expireKey(
  db: Kysely<Database>,
  id: string,
  overlapMinutes: number,
): Promise<ApiKey | undefined> {
  return db
    .updateTable('api_keys')
    .set({
      expires_at: sql`least(expires_at,
        date_trunc('milliseconds', clock_timestamp()) + make_interval(mins => ${overlapMinutes}))`,
    })
    .where('id', '=', id)
    .where(isLive)
    .returning(columns)
    .executeTakeFirst()
}

export function revokeKey(db: Kysely<Database>, id: string): Promise<ApiKey> {
  return db
    .updateTable('api_keys')
    .set({ revoked_at: sql`date_trunc('milliseconds', clock_timestamp())` })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirstOrThrow()
}

export function listLiveAdmins(trx: Kysely<Database>): Promise<readonly Pick<ApiKey, 'id' | 'expires_at'>[]> {
  return trx
    .selectFrom('api_keys')
    .select(['id', 'expires_at'])
    .where(sql<boolean>`'admin' = any(scopes)`)
    .where(isLive)
    .execute()
}

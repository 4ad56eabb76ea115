import { type Kysely, sql } from 'kysely'
import { v7 as uuid } from 'uuid'
import type { Database } from '../database/tables.ts'
import { type PageQuery, startOf, toPage } from '../http/pages.ts'
import type { ApiKey, ApiKeyRow } from './schemas.ts'

const columns = [
  'id',
  'name',
  'scopes',
  'rate_limit_max',
  'expires_at',
  'revoked_at',
  'last_used_at',
  'created_at',
] as const

/** All keys, newest first: for commands. */
export function listKeys(db: Kysely<Database>): Promise<ApiKey[]> {
  return selectKeys(db).execute()
}

/** A page of keys, newest first. */
export async function listKeyPage(db: Kysely<Database>, page: PageQuery) {
  const start = startOf(page, 2)
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
  key: Pick<ApiKeyRow, 'name' | 'scopes' | 'rate_limit_max' | 'expires_at' | 'key_hash'>,
): Promise<ApiKey> {
  return db
    .insertInto('api_keys')
    .values({ id: `key_${uuid()}`, ...key })
    .returning(columns)
    .executeTakeFirstOrThrow()
}

/** The key with this hash, unless it is revoked or has expired. */
export function findLiveKey(db: Kysely<Database>, keyHash: Buffer): Promise<ApiKey | undefined> {
  return db
    .selectFrom('api_keys')
    .select(columns)
    .where('key_hash', '=', keyHash)
    .where(isLive)
    .executeTakeFirst()
}

export function findKey(db: Kysely<Database>, id: string): Promise<ApiKey | undefined> {
  return db.selectFrom('api_keys').select(columns).where('id', '=', id).executeTakeFirst()
}

/** Notes that a key is in use, at most once a minute. */
export async function touchKey(db: Kysely<Database>, id: string): Promise<void> {
  await db
    .updateTable('api_keys')
    .set({ last_used_at: sql`date_trunc('milliseconds', clock_timestamp())` })
    .where('id', '=', id)
    .where(sql<boolean>`coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)`)
    .execute()
}

/** Ends a live key now or after an overlap; undefined where it is not live. */
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

export function revokeKey(db: Kysely<Database>, id: string): Promise<ApiKey | undefined> {
  return db
    .updateTable('api_keys')
    .set({ revoked_at: sql`coalesce(revoked_at, date_trunc('milliseconds', clock_timestamp()))` })
    .where('id', '=', id)
    .returning(columns)
    .executeTakeFirst()
}

/** Live admin keys, locked until the transaction ends, so that of two revocations the second sees the first. */
export function lockAdminKeys(trx: Kysely<Database>): Promise<readonly Pick<ApiKey, 'id' | 'expires_at'>[]> {
  return trx
    .selectFrom('api_keys')
    .select(['id', 'expires_at'])
    .where(sql<boolean>`'admin' = any(scopes)`)
    .where(isLive)
    .orderBy('id')
    .forUpdate()
    .execute()
}

const isLive = sql<boolean>`revoked_at is null and coalesce(expires_at > clock_timestamp(), true)`

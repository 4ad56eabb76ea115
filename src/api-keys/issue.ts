import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { KeyNotFound, KeyRevoked, LastAdminKey } from '../errors.ts'
import { generateApiKey, hashApiKey } from '../http/api-key.ts'
import { expireKey, findKey, insertKey, lockAdminKeys, revokeKey } from './queries.ts'
import type { ApiKey, IssuedApiKey, NewApiKey } from './schemas.ts'

/** Makes a key; its secret is in the result and nowhere else. */
export async function issueKey(
  db: Kysely<Database>,
  wanted: NewApiKey,
): Promise<IssuedApiKey & { key: string }> {
  const key = generateApiKey()
  const row = await insertKey(db, {
    name: wanted.name,
    scopes: wanted.scopes,
    rate_limit_max: wanted.rate_limit_max ?? null,
    expires_at: wanted.expires_at ?? null,
    key_hash: hashApiKey(key) as Buffer,
  })
  return { ...row, key }
}

/** Replaces a key by a new one of the same name, scopes and limit; the old one works for the overlap. */
export async function rotateKey(trx: Kysely<Database>, id: string, overlapMinutes: number) {
  const found = await findKey(trx, id)
  if (found === undefined) throw new KeyNotFound(id)
  const { expires_at } = found
  const old = await expireKey(trx, id, overlapMinutes)
  if (old === undefined) throw new KeyRevoked(id)
  return issueKey(trx, { ...old, expires_at })
}

/** Ends a key at once, unless no admin key would last as long: then nobody could make another. Errors: 404, 409. */
export async function endKey(trx: Kysely<Database>, id: string): Promise<ApiKey> {
  const admins = await lockAdminKeys(trx)
  const ending = admins.find((admin) => admin.id === id)
  const isMissed = ending !== undefined && !admins.some((admin) => admin !== ending && lasts(admin, ending))
  if (isMissed) throw new LastAdminKey()
  const key = await revokeKey(trx, id)
  if (key === undefined) throw new KeyNotFound(id)
  return key
}

type Lasting = Pick<ApiKey, 'expires_at'>

function lasts(admin: Lasting, ending: Lasting): boolean {
  return admin.expires_at === null || (ending.expires_at !== null && admin.expires_at >= ending.expires_at)
}

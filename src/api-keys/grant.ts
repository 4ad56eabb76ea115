import type { Kysely } from 'kysely'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { invalid, LastAdminKey, Unauthenticated } from '../errors.ts'
import { requireScope } from '../http/authentication.ts'
import { findKey, listLiveAdmins } from './queries.ts'
import type { ApiKey } from './schemas.ts'

type Expiry = ApiKey['expires_at']
export type Maker = Pick<ApiKey, 'scopes' | 'expires_at'>

/**
 * The key that asks for a change of keys, which it limits; undefined for other actors, which nothing limits. It is read
 * again, under the lock of the keys: what an instance remembers of a key may have ended. Errors: 401.
 */
export async function findMaker(trx: Kysely<Database>, { key_id }: Actor): Promise<Maker | undefined> {
  if (key_id === null) return undefined
  const key = await findKey(trx, key_id)
  if (key?.is_live !== true) throw new Unauthenticated()
  return key
}

/** Errors: 403 naming a scope that the maker lacks. */
export function requireScopes(maker: Maker | undefined, scopes: ApiKey['scopes']): void {
  if (maker !== undefined) for (const scope of scopes) requireScope(maker, scope)
}

/** Errors: 400 where a key would live longer than the one that makes it. */
export function requireLifetime(maker: Maker | undefined, expiresAt: Expiry): void {
  if (maker === undefined || !isLater(expiresAt, maker.expires_at)) return
  throw invalid([
    {
      pointer: '/expires_at',
      detail: `The key that you use expires at ${maker.expires_at}, and gives no other key a longer life.`,
    },
  ])
}

/** Errors: 409 where no other admin key would work as long as this one: then nobody could make another. */
export async function requireAnotherAdmin(trx: Kysely<Database>, id: string): Promise<void> {
  const admins = await listLiveAdmins(trx)
  const ending = admins.find((admin) => admin.id === id)
  if (ending === undefined) return
  const lasts = admins.some((admin) => admin !== ending && !isLater(ending.expires_at, admin.expires_at))
  if (!lasts) throw new LastAdminKey()
}

/** Whether one end is later than another; null is no end. */
export function isLater(one: Expiry, other: Expiry): boolean {
  return other !== null && (one === null || one > other)
}

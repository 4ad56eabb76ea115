import type { Kysely } from 'kysely'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { invalid, LastAdminKey, Unauthenticated } from '../errors.ts'
import { requireScope } from '../http/authentication.ts'
import { findKey, listLiveAdmins } from './queries.ts'
import type { ApiKey } from './schemas.ts'

type Expiry = ApiKey['expires_at']
export type Grantor = Pick<ApiKey, 'scopes' | 'expires_at'>

/**
 * The key that makes or changes another key: it cannot grant more than it has. Undefined for other actors, which have no
 * such limit. The key is read again under the lock, because an instance may have cached a key that has ended. Errors: 401.
 */
export async function findGrantor(trx: Kysely<Database>, { key_id }: Actor): Promise<Grantor | undefined> {
  if (key_id === null) return undefined
  const key = await findKey(trx, key_id)
  if (key?.is_live !== true) throw new Unauthenticated()
  return key
}

/** Errors: 403 with a scope that the grantor does not have. */
export function requireScopes(grantor: Grantor | undefined, scopes: ApiKey['scopes']): void {
  if (grantor !== undefined) for (const scope of scopes) requireScope(grantor, scope)
}

/** Errors: 400 if the key would expire later than its grantor. */
export function requireLifetime(grantor: Grantor | undefined, expiresAt: Expiry): void {
  if (grantor === undefined || !isLater(expiresAt, grantor.expires_at)) return
  throw invalid([
    {
      pointer: '/expires_at',
      detail: `Your own key expires at ${grantor.expires_at}; a key that it makes or changes cannot expire later.`,
    },
  ])
}

/** Errors: 409 if no other admin key works as long as this one: then nobody could make keys any more. */
export async function requireAnotherAdmin(trx: Kysely<Database>, id: string): Promise<void> {
  const admins = await listLiveAdmins(trx)
  const ending = admins.find((admin) => admin.id === id)
  if (ending === undefined) return
  const lasts = admins.some((admin) => admin !== ending && !isLater(ending.expires_at, admin.expires_at))
  if (!lasts) throw new LastAdminKey()
}

/** Whether one expiry is later than the other; null never expires. */
export function isLater(one: Expiry, other: Expiry): boolean {
  return other !== null && (one === null || one > other)
}

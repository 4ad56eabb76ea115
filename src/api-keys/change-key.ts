import type { Kysely } from 'kysely'
import { compare } from '../audit/compare.ts'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import { lockApiKeys } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { KeyNotFound, KeyRevoked } from '../errors.ts'
import { findGrantor, isLater, requireAnotherAdmin, requireLifetime, requireScopes } from './grant.ts'
import { findKey, revokeKey, updateKey } from './queries.ts'
import type { ApiKey, ApiKeyChange } from './schemas.ts'

interface KeyUpdate {
  readonly id: string
  readonly change: ApiKeyChange
  readonly actor: Actor
}

/** Changes a key's name, limit or expiry. Errors: 400, 403, 404, 409 if it has ended or is the last admin key. */
export async function changeKey(trx: Kysely<Database>, { id, change, actor }: KeyUpdate): Promise<ApiKey> {
  await lockApiKeys(trx)
  const grantor = await findGrantor(trx, actor)
  const found = await findKey(trx, id)
  if (found === undefined) throw new KeyNotFound(id)
  if (!found.is_live) throw new KeyRevoked(id)
  const { expires_at } = change
  if (expires_at !== undefined) {
    requireLifetime(grantor, expires_at)
    // A later expiry grants the scopes of the key for longer.
    if (isLater(expires_at, found.expires_at)) requireScopes(grantor, found.scopes)
    if (isLater(found.expires_at, expires_at)) await requireAnotherAdmin(trx, id)
  }
  const changed = await updateKey(trx, id, change)
  if (changed === undefined) throw new KeyRevoked(id)
  const difference = compare<ApiKey>(found, changed, ['name', 'rate_limit_max', 'expires_at'])
  if (difference !== undefined) {
    const entry = { action: 'api_key.changed', subject_kind: 'api_key', subject_id: id } as const
    await insertAuditEntry(trx, actor, { ...entry, ...difference })
  }
  return changed
}

/** Revokes a key. Errors: 404, 409 if it is the last admin key. */
export async function endKey(trx: Kysely<Database>, id: string, actor: Actor): Promise<ApiKey> {
  await lockApiKeys(trx)
  await findGrantor(trx, actor)
  const found = await findKey(trx, id)
  if (found === undefined) throw new KeyNotFound(id)
  if (found.revoked_at !== null) return found
  await requireAnotherAdmin(trx, id)
  const ended = await revokeKey(trx, id)
  await insertAuditEntry(trx, actor, {
    action: 'api_key.revoked',
    subject_kind: 'api_key',
    subject_id: id,
    after: { revoked_at: ended.revoked_at },
  })
  return ended
}

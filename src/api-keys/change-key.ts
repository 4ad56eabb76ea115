import type { Kysely } from 'kysely'
import { compare } from '../audit/compare.ts'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import { lockApiKeys } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { KeyNotFound, KeyRevoked } from '../errors.ts'
import { findMaker, isLater, requireAnotherAdmin, requireLifetime, requireScopes } from './grant.ts'
import { findKey, revokeKey, updateKey } from './queries.ts'
import type { ApiKey, ApiKeyChange } from './schemas.ts'

/** Changes a key's name, limit or end. Errors: 400, 403, 404, 409 where it has ended or is the last admin key. */
export async function changeKey(
  trx: Kysely<Database>,
  id: string,
  change: ApiKeyChange,
  actor: Actor,
): Promise<ApiKey> {
  await lockApiKeys(trx)
  const maker = await findMaker(trx, actor)
  const found = await findKey(trx, id)
  if (found === undefined) throw new KeyNotFound(id)
  if (!found.is_live) throw new KeyRevoked(id)
  const { expires_at } = change
  if (expires_at !== undefined) {
    requireLifetime(maker, expires_at)
    // A longer life is a grant of all that the key holds.
    if (isLater(expires_at, found.expires_at)) requireScopes(maker, found.scopes)
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

/** Ends a key at once. Errors: 404, 409 where it is the last admin key. */
export async function endKey(trx: Kysely<Database>, id: string, actor: Actor): Promise<ApiKey> {
  await lockApiKeys(trx)
  await findMaker(trx, actor)
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

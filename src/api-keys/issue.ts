import type { Kysely } from 'kysely'
import { commandLine } from '../audit/actors.ts'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import { lockApiKeys } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { KeyNotFound, KeyRevoked, KeyRotated } from '../errors.ts'
import { generateApiKey, hashApiKey } from '../http/api-key.ts'
import { findGrantor, requireLifetime, requireScopes } from './grant.ts'
import { expireKey, findKey, hasLiveSuccessor, insertKey } from './queries.ts'
import type { IssuedApiKey, NewApiKey } from './schemas.ts'

type Issued = IssuedApiKey & { key: string }

/** Makes a key. Only the result has its secret. Errors: 400, 403 if the actor cannot grant the scopes or the lifetime. */
export async function issueKey(
  trx: Kysely<Database>,
  wanted: NewApiKey,
  actor: Actor = commandLine,
): Promise<Issued> {
  await lockApiKeys(trx)
  const grantor = await findGrantor(trx, actor)
  const { name, scopes, rate_limit_max = null, expires_at = grantor?.expires_at ?? null } = wanted
  requireScopes(grantor, scopes)
  requireLifetime(grantor, expires_at)
  const key = { name, scopes, rate_limit_max, expires_at, rotated_from: null, lineage: null }
  return addKey(trx, actor, key)
}

interface KeyRotation {
  readonly id: string
  readonly overlapMinutes: number
  readonly actor: Actor
}

/**
 * Replaces a key by a new one with the same name, scopes, limit and expiry; the old key still works during the overlap.
 * Errors: 400 and 403 as for a new key, 404, 409 if the key has ended or its successor still works.
 */
export async function rotateKey(
  trx: Kysely<Database>,
  { id, overlapMinutes, actor }: KeyRotation,
): Promise<Issued> {
  await lockApiKeys(trx)
  const grantor = await findGrantor(trx, actor)
  const found = await findKey(trx, id)
  if (found === undefined) throw new KeyNotFound(id)
  const { name, scopes, rate_limit_max, expires_at, lineage } = found
  requireScopes(grantor, scopes)
  requireLifetime(grantor, expires_at)
  const old = await expireKey(trx, id, overlapMinutes)
  if (old === undefined) throw new KeyRevoked(id)
  if (await hasLiveSuccessor(trx, id)) throw new KeyRotated(id)
  const key = { name, scopes, rate_limit_max, expires_at, rotated_from: id, lineage }
  const successor = await addKey(trx, actor, key)
  await insertAuditEntry(trx, actor, {
    action: 'api_key.rotated',
    subject_kind: 'api_key',
    subject_id: id,
    before: { expires_at },
    after: { expires_at: old.expires_at, successor: successor.id },
  })
  return successor
}

async function addKey(
  trx: Kysely<Database>,
  actor: Actor,
  wanted: Omit<Parameters<typeof insertKey>[1], 'key_hash'>,
): Promise<Issued> {
  const key = generateApiKey()
  const made = await insertKey(trx, { ...wanted, key_hash: hashApiKey(key) as Buffer })
  const { id, name, scopes, rate_limit_max, expires_at, rotated_from } = made
  await insertAuditEntry(trx, actor, {
    action: 'api_key.created',
    subject_kind: 'api_key',
    subject_id: id,
    after: { name, scopes, rate_limit_max, expires_at, rotated_from },
  })
  return { ...made, key }
}

import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { Caller } from '../http/authentication.ts'
import { findLiveKey, touchKey } from './queries.ts'

// Every instance must refuse a revoked key within 5 s; 3 s leave time for the query. LISTEN would be faster, but needs a
// database session of its own, which nothing else here needs.
const rememberedMs = 3000
const touchEveryMs = 60_000
const mostRemembered = 10_000

/** Finds the caller of a key by its hash. Caches each key for 3 s. */
export function createCallers(db: Kysely<Database>, now = () => performance.now()) {
  const remembered = new Map<string, { readonly caller: Promise<Caller | undefined>; until: number }>()

  async function lookUp(keyHash: Buffer): Promise<Caller | undefined> {
    const key = await findLiveKey(db, keyHash)
    const usedAt = Date.parse(key?.last_used_at ?? '1970-01-01')
    if (key !== undefined && usedAt < Date.now() - touchEveryMs) await touchKey(db, key.id)
    return key
  }

  function findCaller(keyHash: Buffer): Promise<Caller | undefined> {
    const id = keyHash.toString('latin1')
    const known = remembered.get(id)
    if (known !== undefined && known.until > now()) return known.caller

    const until = now() + rememberedMs
    const caller = lookUp(keyHash)
    remembered.delete(id)
    if (remembered.size >= mostRemembered) remembered.delete(remembered.keys().next().value as string)
    const entry = { caller, until }
    remembered.set(id, entry)
    const forget = () => remembered.delete(id)
    // If the database is unreachable, a known key stays known; the next request looks it up again.
    const keep = () => (known === undefined ? forget() : (entry.until = 0))
    caller.then((found) => found ?? forget(), keep)
    return caller
  }

  /** Whether the last lookup found the key; unlike the caller, this does not expire after 3 s. */
  function isKnown(keyHash: Buffer): boolean {
    return remembered.has(keyHash.toString('latin1'))
  }

  /** Expires every cached caller, so that the next request looks it up. */
  function forget(): void {
    for (const known of remembered.values()) known.until = 0
  }

  return { findCaller, isKnown, forget }
}

import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { Caller } from '../http/authentication.ts'
import { findLiveKey, touchKey } from './queries.ts'

// A revoked key is refused everywhere within 5 s; this leaves the query time to run. To be told sooner, by LISTEN, would
// hold a session on the database for it, and nothing else here depends on one.
const rememberedMs = 3000
const touchEveryMs = 60_000
const mostRemembered = 10_000

/** Finds the caller behind a key's hash, asking the database at most once in three seconds for each key. */
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
    // A database that is away says nothing of a key.
    const keep = () => (known === undefined ? forget() : (entry.until = 0))
    caller.then((found) => found ?? forget(), keep)
    return caller
  }

  /** Whether the key was valid when it was last looked up; it is remembered for that beyond its three seconds. */
  function isKnown(keyHash: Buffer): boolean {
    return remembered.has(keyHash.toString('latin1'))
  }

  /** Makes every key be looked up again. */
  function forget(): void {
    for (const known of remembered.values()) known.until = 0
  }

  return { findCaller, isKnown, forget }
}

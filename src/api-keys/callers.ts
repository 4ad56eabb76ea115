import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { Caller } from '../http/authentication.ts'
import { findLiveKey, touchKey } from './queries.ts'

// A revoked key is refused everywhere within 5 s; this leaves the query time to run.
const rememberedMs = 3000
const mostRemembered = 10_000

/** Finds the caller behind a key's hash, asking the database at most once in three seconds for each key. */
export function createCallers(db: Kysely<Database>) {
  const remembered = new Map<
    string,
    { readonly caller: Promise<Caller | undefined>; readonly until: number }
  >()

  async function lookUp(keyHash: Buffer): Promise<Caller | undefined> {
    const key = await findLiveKey(db, keyHash)
    if (key !== undefined) await touchKey(db, key.id)
    return key
  }

  function findCaller(keyHash: Buffer): Promise<Caller | undefined> {
    const id = keyHash.toString('latin1')
    const now = performance.now()
    const known = remembered.get(id)
    if (known !== undefined && known.until > now) return known.caller

    const caller = lookUp(keyHash)
    if (remembered.size >= mostRemembered) remembered.clear()
    remembered.set(id, { caller, until: now + rememberedMs })
    const forget = () => remembered.delete(id)
    caller.then((found) => found ?? forget(), forget)
    return caller
  }

  return { findCaller, forget: () => remembered.clear() }
}

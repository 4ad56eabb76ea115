import { LRUCache } from 'lru-cache'
import { type Attribution, attribute } from '../attribution/attribute.ts'
import type { Journey } from '../attribution/journey.ts'
import { fingerprintOf } from './versions.ts'

/** The engine for reads that ask the same question again; it counts how often it knew the answer. */
export interface Memo {
  (journey: Journey): Attribution
  hits(): number
  misses(): number
}

// What V8 takes for an entry and for each share of it, measured, with room.
const entryBytes = 500
const shareBytes = 200

/** Remembers the splits that were asked for last, so many megabytes of them; with none it only computes. */
export function createMemo(megabytes: number): Memo {
  const splits =
    megabytes === 0
      ? undefined
      : new LRUCache<string, Attribution>({ maxSize: megabytes * 2 ** 20, sizeCalculation: bytesOf })
  let hits = 0
  let misses = 0

  const remembered = (journey: Journey): Attribution => {
    const key = splits && fingerprintOf(journey).toString('latin1')
    const known = key === undefined ? undefined : splits?.get(key)
    if (known !== undefined) {
      hits++
      return known
    }
    misses++
    const split = attribute(journey)
    if (key !== undefined) splits?.set(key, split)
    return split
  }
  return Object.assign(remembered, { hits: () => hits, misses: () => misses })
}

function bytesOf({ shares }: Attribution): number {
  return shares.reduce((bytes, { partner_id }) => bytes + shareBytes + partner_id.length, entryBytes)
}

import { LRUCache } from 'lru-cache'
import { attribute, type Split } from '../attribution/attribute.ts'
import type { Journey } from '../attribution/journey.ts'
import { fingerprintOf } from './journeys.ts'

/** `attribute` with a cache, for reads; it counts hits and misses. */
export interface Memo {
  (journey: Journey): Split
  hits(): number
  misses(): number
}

// Bytes of an entry and of each of its shares, measured in V8 and rounded up.
const entryBytes = 500
const shareBytes = 200

/** Caches the most recently used splits up to a size in megabytes; with 0 it only computes. */
export function createMemo(megabytes: number): Memo {
  const splits =
    megabytes === 0
      ? undefined
      : new LRUCache<string, Split>({ maxSize: megabytes * 2 ** 20, sizeCalculation: bytesOf })
  let hits = 0
  let misses = 0

  const remembered = (journey: Journey): Split => {
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

function bytesOf({ shares }: Split): number {
  return shares.reduce((bytes, { partner_id }) => bytes + shareBytes + partner_id.length, entryBytes)
}

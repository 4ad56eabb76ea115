import type { Kysely } from 'kysely'
import { group } from './group.ts'
import { limitConcurrency } from './limit-concurrency.ts'
import { lockDeals, lockKeyOf, tryLockDeals } from './locks.ts'
import type { Database } from './tables.ts'

interface SharedWork<Item, Result> {
  readonly dealOf: (item: Item) => string
  /** Does the work of several calls whose deals are locked. An error of one call is a result, not thrown. */
  readonly work: (trx: Kysely<Database>, items: readonly Item[]) => Promise<readonly Result[]>
}

export const groupLimits = { size: 128, waiting: 1000 }
const lanes = 2
const lockedDealsAtOnce = 3

/**
 * Group commit: calls that arrive at the same time share a transaction. Two groups run at the same time: the service
 * prepares one while the database writes the other. A call whose deal is locked leaves the group, so that the rest can
 * commit, and joins a queue for that deal. Three such queues wait for locks at the same time.
 */
export function shareCommits<Item, Result extends object>(
  db: Kysely<Database>,
  { dealOf, work }: SharedWork<Item, Result>,
): (item: Item) => Promise<Result> {
  const waitForLock = limitConcurrency(lockedDealsAtOnce, groupLimits.waiting)

  const writeUnlocked = group<Item, Result | undefined>({
    ...groupLimits,
    keyOf: (item) => laneOf(dealOf(item)),
    run: (items) =>
      db.transaction().execute(async (trx) => {
        const held = await tryLockDeals(trx, items.map(dealOf))
        const ready = items.filter((item) => held.has(dealOf(item)))
        const results = ready.length === 0 ? [] : await work(trx, ready)
        const byItem = new Map(ready.map((item, index) => [item, results[index]]))
        return items.map((item) => byItem.get(item))
      }),
  })
  const writeLocked = group<Item, Result>({
    ...groupLimits,
    keyOf: dealOf,
    run: (items) =>
      waitForLock(() =>
        db.transaction().execute(async (trx) => {
          await lockDeals(trx, items.map(dealOf))
          return work(trx, items)
        }),
      ),
  })
  return async (item) => (await writeUnlocked(item)) ?? writeLocked(item)
}

// Calls for one deal share a lane, so that they do not wait for each other's lock.
function laneOf(dealId: string): string {
  return String(lockKeyOf(dealId) & (lanes - 1))
}

import type { Kysely } from 'kysely'
import { group, takeTurns } from './group.ts'
import { lockDeals, tryLockDeals } from './locks.ts'
import type { Database } from './tables.ts'

interface Shared<Item, Result> {
  readonly dealOf: (item: Item) => string
  /** Does the work of many, whose deals are locked; what one of them deserves is among the results, not thrown. */
  readonly work: (trx: Kysely<Database>, items: readonly Item[]) => Promise<readonly Result[]>
}

export const groupLimits = { size: 128, waiting: 1000 }
const dealsWaitedFor = 3

/**
 * Lets those who write at the same time share a transaction and its commit. Whose deal somebody holds leaves the group,
 * so that the others need not wait, and waits with all that is for that deal in a line of its own.
 */
export function shareCommits<Item, Result extends object>(
  db: Kysely<Database>,
  { dealOf, work }: Shared<Item, Result>,
): (item: Item) => Promise<Result> {
  const inTurn = takeTurns(dealsWaitedFor, groupLimits.waiting)

  const writeFree = group<Item, Result | undefined>({
    ...groupLimits,
    run: (items) =>
      db.transaction().execute(async (trx) => {
        const held = await tryLockDeals(trx, items.map(dealOf))
        const ready = items.filter((item) => held.has(dealOf(item)))
        const results = ready.length === 0 ? [] : await work(trx, ready)
        const byItem = new Map(ready.map((item, index) => [item, results[index]]))
        return items.map((item) => byItem.get(item))
      }),
  })
  const writeHeld = group<Item, Result>({
    ...groupLimits,
    keyOf: dealOf,
    run: (items) =>
      inTurn(() =>
        db.transaction().execute(async (trx) => {
          await lockDeals(trx, items.map(dealOf))
          return work(trx, items)
        }),
      ),
  })
  return async (item) => (await writeFree(item)) ?? writeHeld(item)
}

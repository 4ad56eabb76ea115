import { setImmediate } from 'node:timers/promises'
import { Unavailable } from '../errors.ts'

interface Grouping<Item, Result> {
  /** Does the work of several calls at once. Returns one result per item, in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>
  /** Only calls with the same key share a group. The groups of one key run one after the other. */
  readonly keyOf?: (item: Item) => string
  /** The most calls in a group. */
  readonly size: number
  /** The most calls that wait, over all keys. */
  readonly waiting: number
}

interface QueuedCall<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Collects the calls that arrive while a group runs into the next group. No call waits for a group to fill. If a group
 * fails, each of its calls runs again alone, so that one bad call does not fail the others. Errors: 503 if the queue is
 * full.
 */
export function group<Item, Result>({ run, keyOf = () => '', size, waiting }: Grouping<Item, Result>) {
  const queues = new Map<string, QueuedCall<Item, Result>[]>()
  let count = 0

  async function drain(key: string, calls: QueuedCall<Item, Result>[]): Promise<void> {
    while (calls.length > 0) {
      // Let the requests that have already arrived join this group.
      await setImmediate()
      const next = calls.splice(0, size)
      count -= next.length
      await settle(next, run)
    }
    queues.delete(key)
  }

  return (item: Item): Promise<Result> => {
    if (count >= waiting) return Promise.reject(new Unavailable())
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    const call = { item, resolve, reject }
    const key = keyOf(item)
    const calls = queues.get(key)
    count += 1
    if (calls === undefined) {
      const first = [call]
      queues.set(key, first)
      void drain(key, first)
    } else calls.push(call)
    return promise
  }
}

/** Runs the calls together. If that fails, it runs each of them alone. */
async function settle<Item, Result>(
  calls: readonly QueuedCall<Item, Result>[],
  run: Grouping<Item, Result>['run'],
): Promise<void> {
  try {
    const results = await run(calls.map(({ item }) => item))
    for (const [index, { resolve }] of calls.entries()) resolve(results[index] as Result)
  } catch (error) {
    const [only, ...others] = calls
    if (others.length === 0) only?.reject(error)
    else await Promise.all(calls.map((call) => settle([call], run)))
  }
}

import { setImmediate } from 'node:timers/promises'
import { Unavailable } from '../errors.ts'

interface Grouping<Item, Result> {
  /** Does the work of many calls at once; the results come in the order of their items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>
  /** Only calls of one key share a group, and each key has one group running at a time. */
  readonly keyOf?: (item: Item) => string
  readonly size: number
  readonly waiting: number
}

interface Call<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Gathers the calls that arrive while a group runs into the next one; nothing ever waits for a group to fill. A group
 * that fails is run again call by call, so that none fails for another's sake. Past `waiting` calls: 503 at once.
 */
export function group<Item, Result>({ run, keyOf = () => '', size, waiting }: Grouping<Item, Result>) {
  const queues = new Map<string, Call<Item, Result>[]>()
  let count = 0

  async function settle(calls: readonly Call<Item, Result>[]): Promise<void> {
    try {
      const results = await run(calls.map(({ item }) => item))
      for (const [index, { resolve }] of calls.entries()) resolve(results[index] as Result)
    } catch (error) {
      const [only, ...others] = calls
      if (others.length === 0) only?.reject(error)
      else await Promise.all(calls.map((call) => settle([call])))
    }
  }

  async function drain(key: string, calls: Call<Item, Result>[]): Promise<void> {
    while (calls.length > 0) {
      // Requests that have already arrived are read before this goes on.
      await setImmediate()
      const next = calls.splice(0, size)
      count -= next.length
      await settle(next)
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

/** Runs at most so many pieces of work at once; the others take turns. Past `waiting` of them: 503 at once. */
export function takeTurns(atOnce: number, waiting: number) {
  const line: (() => void)[] = []
  let running = 0

  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (running < atOnce) running += 1
    else if (line.length >= waiting) throw new Unavailable()
    else await new Promise<void>((resolve) => line.push(resolve))
    try {
      return await work()
    } finally {
      // Whoever is next takes over this place, so that nobody who comes now can be faster.
      const next = line.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

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

interface Turn {
  /** How much of what may run at once this work takes. */
  readonly weight?: number
  /** Work whose client is gone need not begin. */
  readonly signal?: AbortSignal
}

interface Waiting {
  readonly weight: number
  readonly begin: () => void
}

/** Runs work of so much weight at once; the rest waits, first come, first served. Past `waiting` of them: 503 at once. */
export function takeTurns(atOnce: number, waiting: number) {
  const line: Waiting[] = []
  let running = 0

  function beginNext(): void {
    for (let next = line[0]; next !== undefined && running + next.weight <= atOnce; next = line[0]) {
      line.shift()
      running += next.weight
      next.begin()
    }
  }

  function wait(weight: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const place = { weight, begin: resolve }
    line.push(place)
    const leave = () => {
      const index = line.indexOf(place)
      if (index !== -1) line.splice(index, 1)
      reject(new Unavailable())
      beginNext()
    }
    signal?.addEventListener('abort', leave, { once: true })
    return promise.finally(() => signal?.removeEventListener('abort', leave))
  }

  return async <Result>(work: () => Promise<Result>, { weight = 1, signal }: Turn = {}): Promise<Result> => {
    // What is heavier than all that may run at once runs alone.
    const taken = Math.min(weight, atOnce)
    if (signal?.aborted) throw new Unavailable()
    if (line.length === 0 && running + taken <= atOnce) running += taken
    else if (line.length >= waiting) throw new Unavailable()
    else await wait(taken, signal)
    try {
      return await work()
    } finally {
      running -= taken
      beginNext()
    }
  }
}

/** Runs work in its turn. Errors: 503 where too much waits or the client is gone. */
export type TakeTurn = ReturnType<typeof takeTurns>

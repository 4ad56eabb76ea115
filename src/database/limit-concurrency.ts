import { Unavailable } from '../errors.ts'

interface RunOptions {
  /** How much of the limit this work takes. Default: 1. */
  readonly weight?: number
  /** Aborts when the client disconnects; work that still waits is then not started. */
  readonly signal?: AbortSignal
}

/** Runs work when there is room for it. Errors: 503 if the queue is full or the client has disconnected. */
export type RunLimited = <Result>(work: () => Promise<Result>, options?: RunOptions) => Promise<Result>

interface WaitingWork {
  readonly weight: number
  readonly start: () => void
}

/** Runs work up to a total weight of `atOnce` at the same time. Up to `waiting` more wait in a queue, first in, first out. */
export function limitConcurrency(atOnce: number, waiting: number): RunLimited {
  const queue: WaitingWork[] = []
  let running = 0

  function startNext(): void {
    for (let next = queue[0]; next !== undefined && running + next.weight <= atOnce; next = queue[0]) {
      queue.shift()
      running += next.weight
      next.start()
    }
  }

  function wait(weight: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waitingWork = { weight, start: resolve }
    queue.push(waitingWork)
    const leave = () => {
      const index = queue.indexOf(waitingWork)
      if (index !== -1) queue.splice(index, 1)
      reject(new Unavailable())
      startNext()
    }
    signal?.addEventListener('abort', leave, { once: true })
    return promise.finally(() => signal?.removeEventListener('abort', leave))
  }

  return async (work, { weight = 1, signal } = {}) => {
    // Work heavier than the limit runs alone.
    const taken = Math.min(weight, atOnce)
    if (signal?.aborted) throw new Unavailable()
    if (queue.length === 0 && running + taken <= atOnce) running += taken
    else if (queue.length >= waiting) throw new Unavailable()
    else await wait(taken, signal)
    try {
      return await work()
    } finally {
      running -= taken
      startNext()
    }
  }
}

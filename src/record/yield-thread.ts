import { setImmediate } from 'node:timers/promises'
import { Unavailable } from '../errors.ts'

const longestMs = 20

/**
 * Makes a function to await between the steps of long work. After 20 ms of work it yields to the event loop, so that
 * other requests can run. Errors: 503 once the client has disconnected.
 */
export function createYield(signal?: AbortSignal): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < longestMs) return
    await setImmediate()
    if (signal?.aborted) throw new Unavailable()
    since = performance.now()
  }
}

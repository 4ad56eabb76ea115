import { setImmediate } from 'node:timers/promises'
import { Unavailable } from '../errors.ts'

const longestMs = 20

/**
 * For long work: await `pause` between its pieces. Once they have kept the thread for 20 ms it lets other requests have
 * it, and then ends the work with an error where its client is gone.
 */
export function createPauses(signal?: AbortSignal): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < longestMs) return
    await setImmediate()
    if (signal?.aborted) throw new Unavailable()
    since = performance.now()
  }
}

import { limitConcurrency, type RunLimited } from '../database/limit-concurrency.ts'
import { TooManyImports } from '../errors.ts'

const importsAtOnce = 16
const importsWaiting = 64

interface KeyQueue {
  readonly takeTurn: RunLimited
  imports: number
}

/**
 * Runs one import for each API key at a time and lets a second one wait; over all keys, 16 run and 64 wait. An import stops
 * waiting when its client disconnects. Errors: 503 if a queue is full.
 */
export function createImportQueue() {
  const queues = new Map<string, KeyQueue>()
  const takeTurn = limitConcurrency(importsAtOnce, importsWaiting)

  return async <Result>(keyId: string, work: () => Promise<Result>, signal: AbortSignal): Promise<Result> => {
    const queue = queues.get(keyId) ?? { takeTurn: limitConcurrency(1, 1), imports: 0 }
    if (queue.imports === 2) throw new TooManyImports()
    queues.set(keyId, queue)
    queue.imports += 1
    try {
      return await queue.takeTurn(() => takeTurn(work, { signal }), { signal })
    } finally {
      queue.imports -= 1
      if (queue.imports === 0) queues.delete(keyId)
    }
  }
}

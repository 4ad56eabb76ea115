import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createYield } from '../../src/record/yield-thread.ts'

/** Blocks the thread like a long split. */
function work(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

t.test('long work yields to the event loop after 20 ms', async (t) => {
  const yieldThread = createYield()
  let isOthersTurn = false
  const other = setImmediate().then(() => (isOthersTurn = true))

  work(25)
  await yieldThread()

  t.ok(isOthersTurn)
  await other
})

t.test('long work ends with a 503 at the next yield after its client disconnected', async (t) => {
  const leaving = new AbortController()
  const yieldThread = createYield(leaving.signal)

  work(25)
  await yieldThread()
  leaving.abort()
  work(25)

  t.match(await yieldThread().catch((error: unknown) => error), { statusCode: 503 })
})

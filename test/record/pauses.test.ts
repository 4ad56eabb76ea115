import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createPauses } from '../../src/record/pauses.ts'

/** Keeps the thread, as a long split does. */
function work(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

t.test('long work lets others have the thread at its next pause', async (t) => {
  const pause = createPauses()
  let isOthersTurn = false
  const other = setImmediate().then(() => (isOthersTurn = true))

  work(25)
  await pause()

  t.ok(isOthersTurn)
  await other
})

t.test('long work ends at its next pause once its client is gone', async (t) => {
  const leaving = new AbortController()
  const pause = createPauses(leaving.signal)

  work(25)
  await pause()
  leaving.abort()
  work(25)

  t.match(await pause().catch((error: unknown) => error), { statusCode: 503 })
})

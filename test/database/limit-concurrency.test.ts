import t from 'tap'
import { setImmediate } from 'node:timers/promises'
import { limitConcurrency } from '../../src/database/limit-concurrency.ts'

t.test('limitConcurrency runs work up to the limit at once and the rest in order of arrival', async (t) => {
  const inTurn = limitConcurrency(2, 2)
  const started: number[] = []
  const ends: (() => void)[] = []
  const begin = (n: number) =>
    inTurn(async () => {
      started.push(n)
      await new Promise<void>((resolve) => ends.push(resolve))
      return n
    })

  const work = [begin(1), begin(2), begin(3), begin(4)]
  t.match(await begin(5).catch((error: unknown) => error), { statusCode: 503 })
  t.strictSame(started, [1, 2])
  for (let n = 0; n < 4; n++) {
    ends.shift()?.()
    await setImmediate()
  }

  t.strictSame(started, [1, 2, 3, 4])
  t.strictSame(await Promise.all(work), [1, 2, 3, 4])
})

t.test('limitConcurrency frees the slot of work that fails', async (t) => {
  const inTurn = limitConcurrency(1, 1)

  await t.rejects(
    inTurn(() => Promise.reject(new Error('no'))),
    { message: 'no' },
  )

  t.equal(await inTurn(() => Promise.resolve('yes')), 'yes')
})

t.test('limitConcurrency counts work by weight and runs work above the limit alone', async (t) => {
  const inTurn = limitConcurrency(10, 10)
  const started: number[] = []
  const ends: (() => void)[] = []
  const begin = (weight: number) =>
    inTurn(
      async () => {
        started.push(weight)
        await new Promise<void>((resolve) => ends.push(resolve))
      },
      { weight },
    )

  const work = [begin(6), begin(4), begin(100), begin(1)]
  t.strictSame(started, [6, 4])
  for (let n = 0; n < 4; n++) {
    ends.shift()?.()
    await setImmediate()
  }

  t.strictSame(started, [6, 4, 100, 1], 'light work does not overtake heavy work')
  await Promise.all(work)
})

t.test('limitConcurrency removes work from the queue when its client disconnects', async (t) => {
  const inTurn = limitConcurrency(1, 1)
  const end = Promise.withResolvers<void>()
  const leaving = new AbortController()
  const first = inTurn(() => end.promise)

  const gone = inTurn(() => Promise.reject(new Error('began')), { signal: leaving.signal })
  leaving.abort()
  const after = inTurn(async () => 'ran')

  t.match(await gone.catch((error: unknown) => error), { statusCode: 503 })
  end.resolve()
  t.equal(await after, 'ran')
  await first
  const late = inTurn(async () => {}, { signal: leaving.signal })
  t.match(await late.catch((error: unknown) => error), { statusCode: 503 })
})

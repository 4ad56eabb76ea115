import t from 'tap'
import { setImmediate } from 'node:timers/promises'
import { group } from '../../src/database/group.ts'
import { limitConcurrency } from '../../src/database/limit-concurrency.ts'

/** Work that runs until the test calls `endNext`. */
function createWork() {
  const groups: (readonly number[])[] = []
  const ends: (() => void)[] = []
  const run = async (items: readonly number[]) => {
    groups.push(items)
    await new Promise<void>((resolve) => ends.push(resolve))
    return items.map((item) => item * 10)
  }
  const endNext = async () => {
    ends.shift()?.()
    await setImmediate()
    await setImmediate()
  }
  return { groups, run, endNext }
}

t.test(
  'group collects calls that arrive during a run into the next group and returns each its own result',
  async (t) => {
    const { groups, run, endNext } = createWork()
    const call = group({ run, size: 3, waiting: 10 })

    const first = [call(1), call(2)]
    await setImmediate()
    const rest = [call(3), call(4), call(5), call(6)]
    for (let n = 0; n < 3; n++) await endNext()

    t.strictSame(groups, [[1, 2], [3, 4, 5], [6]])
    t.strictSame(await Promise.all([...first, ...rest]), [10, 20, 30, 40, 50, 60])
  },
)

t.test('groups of different keys do not wait for each other', async (t) => {
  const { groups, run, endNext } = createWork()
  const call = group({ run, keyOf: (n: number) => (n % 2 === 0 ? 'even' : 'odd'), size: 3, waiting: 10 })

  const results = [call(1), call(2), call(3), call(4)]
  await setImmediate()
  for (let n = 0; n < 2; n++) await endNext()

  t.strictSame(groups, [
    [1, 3],
    [2, 4],
  ])
  t.strictSame(await Promise.all(results), [10, 20, 30, 40])
})

t.test('group runs each call alone after its group has failed', async (t) => {
  const call = group({
    run: async (items: readonly number[]) => {
      if (items.includes(13)) throw new Error('not thirteen')
      return items
    },
    size: 10,
    waiting: 10,
  })

  const results = await Promise.allSettled([call(12), call(13), call(14)])

  t.match(results, [{ value: 12 }, { reason: { message: 'not thirteen' } }, { value: 14 }])
})

t.test('group refuses a call at once when the queue is full and accepts later ones', async (t) => {
  const { run, endNext } = createWork()
  const call = group({ run, size: 2, waiting: 2 })

  const running = [call(1), call(2)]
  await setImmediate()
  const waiting = [call(3), call(4)]
  t.match(await call(5).catch((error: unknown) => error), { statusCode: 503 })
  await endNext()
  const later = call(6)
  for (let n = 0; n < 2; n++) await endNext()

  t.strictSame(await Promise.all([...running, ...waiting, later]), [10, 20, 30, 40, 60])
})

t.test('group refuses calls of new keys when the queue is full', async (t) => {
  const inTurn = limitConcurrency(1, 100)
  const end = Promise.withResolvers<void>()
  const call = group({
    run: (items: readonly number[]) => inTurn(() => end.promise.then(() => items)),
    keyOf: String,
    size: 10,
    waiting: 100,
  })

  const answers = Promise.allSettled(Array.from({ length: 1000 }, (_, key) => call(key)))
  await setImmediate()
  const later = Promise.allSettled(Array.from({ length: 1000 }, (_, key) => call(1000 + key)))
  end.resolve()

  const refused = [...(await answers), ...(await later)].filter(({ status }) => status === 'rejected')
  t.equal(refused.length, 1800)
})

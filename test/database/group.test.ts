import t from 'tap'
import { setImmediate } from 'node:timers/promises'
import { group, takeTurns } from '../../src/database/group.ts'

/** Work that runs until the test lets it end. */
function work() {
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

t.test('calls that arrive while a group runs form the next one, and each gets its own result', async (t) => {
  const { groups, run, endNext } = work()
  const call = group({ run, size: 3, waiting: 10 })

  const first = [call(1), call(2)]
  await setImmediate()
  const rest = [call(3), call(4), call(5), call(6)]
  for (let n = 0; n < 3; n++) await endNext()

  t.strictSame(groups, [[1, 2], [3, 4, 5], [6]])
  t.strictSame(await Promise.all([...first, ...rest]), [10, 20, 30, 40, 50, 60])
})

t.test('groups of different keys do not wait for each other', async (t) => {
  const { groups, run, endNext } = work()
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

t.test('of a group that fails each call is tried alone', async (t) => {
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

t.test('a call past those that may wait is refused at once, and later ones are welcome', async (t) => {
  const { run, endNext } = work()
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

t.test('so many take turns at once, the others in the order in which they came', async (t) => {
  const inTurn = takeTurns(2, 2)
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

t.test('work that fails gives up its turn', async (t) => {
  const inTurn = takeTurns(1, 1)

  await t.rejects(
    inTurn(() => Promise.reject(new Error('no'))),
    { message: 'no' },
  )

  t.equal(await inTurn(() => Promise.resolve('yes')), 'yes')
})

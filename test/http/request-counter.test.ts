import t from 'tap'
import * as fc from 'fast-check'
import { createRequestCounter, type Lease } from '../../src/http/request-counter.ts'

const minute = 60_000

/** A counter in memory that several instances share, and a clock that the test sets. */
function createSharedCount() {
  const clock = { now: 1000 }
  const windows = new Map<string, { taken: number; endsAt: number }>()
  const asked: number[] = []
  const outage = { isOn: false, reported: 0 }
  const lease = async ({ subject, size, windowMs }: Lease) => {
    if (outage.isOn) throw new Error('unreachable')
    asked.push(size)
    const held = windows.get(subject)
    const window =
      held === undefined || held.endsAt <= clock.now ? { taken: 0, endsAt: clock.now + windowMs } : held
    window.taken += size
    windows.set(subject, window)
    return { taken: window.taken, endsInMs: window.endsAt - clock.now }
  }
  const createInstance = () =>
    createRequestCounter({ lease, onLeaseFailed: () => (outage.reported += 1), now: () => clock.now })
  return { clock, asked, outage, createInstance }
}

type Instance = Pick<ReturnType<typeof createRequestCounter>, 'take'>

function repeat(instance: Instance, times: number): Instance[] {
  return Array.from({ length: times }, () => instance)
}

async function countAdmitted(requests: readonly Instance[], max: number): Promise<number> {
  let admitted = 0
  for (const { take } of requests) {
    const { current } = await take('key', minute, max)
    if (current <= max) admitted += 1
  }
  return admitted
}

t.test('instances together admit exactly the limit, in any order of requests', async (t) => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 300 }),
    fc.infiniteStream(fc.integer({ min: 0, max: 2 })),
    async (max, choices) => {
      const { createInstance } = createSharedCount()
      const instances = [createInstance(), createInstance(), createInstance()]
      const rush = [...choices.take(3 * max)].map((choice) => instances[choice] as Instance)

      const admitted = await countAdmitted(rush, max)
      const rest = await countAdmitted(
        instances.flatMap((one) => repeat(one, max)),
        max,
      )

      t.ok(admitted <= max && admitted + rest === max)
    },
  )
  await fc.assert(property, { numRuns: 50 })
})

t.test('concurrent requests are each counted once', async (t) => {
  const { createInstance, asked } = createSharedCount()
  const { take } = createInstance()

  const counts = await Promise.all(Array.from({ length: 500 }, () => take('key', minute, 100)))

  t.equal(counts.filter(({ current }) => current <= 100).length, 100)
  t.equal(asked.length, 2)
})

t.test('leases need far fewer round trips than requests', async (t) => {
  const { createInstance, asked } = createSharedCount()
  const instance = createInstance()

  await countAdmitted(repeat(instance, 100), 100)
  const forHundred = asked.length
  await countAdmitted(repeat(createInstance(), 300_000), 100_000)

  t.ok(forHundred < 50, `${forHundred} for 100`)
  t.ok(asked.length - forHundred < 150, `${asked.length - forHundred} for 100,000`)
})

t.test('a window starts again after its end', async (t) => {
  const { createInstance, clock } = createSharedCount()
  const { take } = createInstance()
  await countAdmitted(repeat({ take }, 3), 3)

  const refused = await take('key', minute, 3)
  clock.now += minute
  const admitted = await take('key', minute, 3)

  t.strictSame(
    [refused, admitted],
    [
      { current: 4, ttl: minute },
      { current: 1, ttl: minute },
    ],
  )
})

t.test(
  'an instance counts alone while the shared counter is unreachable and shares again afterwards',
  async (t) => {
    const { createInstance, clock, outage, asked } = createSharedCount()
    const { take } = createInstance()
    outage.isOn = true

    const alone = await countAdmitted(repeat({ take }, 9), 5)
    outage.isOn = false
    clock.now += 1000
    const together = await countAdmitted([{ take }], 5)

    t.strictSame({ alone, together, reported: outage.reported }, { alone: 5, together: 0, reported: 1 })
    t.ok(asked.length > 0)
  },
)

t.test('peek counts nothing and reports an exhausted window', async (t) => {
  const { createInstance, clock, asked, outage } = createSharedCount()
  const { take, peek } = createInstance()

  const unknown = peek('key', 3)
  await countAdmitted(repeat({ take }, 2), 3)
  const open = peek('key', 3)
  await take('key', minute, 3)
  const spent = peek('key', 3)
  const questions = asked.length
  clock.now += minute
  const over = peek('key', 3)
  outage.isOn = true
  await countAdmitted(repeat({ take }, 3), 3)
  const alone = peek('key', 3)

  t.strictSame(
    [unknown, open, spent, over, alone].map(({ current }) => current > 3),
    [false, false, true, false, true],
  )
  t.equal(spent.ttl, minute)
  t.equal(asked.length, questions)
})

t.test('the oldest subjects are evicted beyond the capacity', async (t) => {
  const { createInstance, asked } = createSharedCount()
  const { take } = createInstance()
  const takeOf = async (subjects: readonly string[]) => {
    const before = asked.length
    for (const subject of subjects) await take(subject, minute, 100)
    return asked.length - before
  }
  await takeOf(['first', 'first', 'second', 'second'])

  const remembered = await takeOf(['first', 'second'])
  await takeOf(['first', 'second', 'first', 'second'].concat(Array.from({ length: 9999 }, (_, n) => `${n}`)))
  const [forgotten, kept] = [await takeOf(['first']), await takeOf(['9998', '9998'])]

  t.strictSame({ remembered, forgotten, kept }, { remembered: 0, forgotten: 1, kept: 1 })
})

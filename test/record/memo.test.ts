import t from 'tap'
import { memoize } from '../../src/attribution/memoize.ts'

function givenMemo(capacity: number) {
  const computed: string[] = []
  const compute = (name: string) => {
    computed.push(name)
    return { name }
  }
  return { computed, memo: memoize(compute, (name) => name.toLowerCase(), capacity) }
}

t.test('what has the same key is computed once, and counted', async (t) => {
  const { computed, memo } = givenMemo(10)

  const first = memo('A')

  t.equal(memo('a'), first)
  t.strictSame(memo('b'), { name: 'b' })
  t.strictSame(computed, ['A', 'b'])
  t.strictSame([memo.hits(), memo.misses()], [1, 2])
})

t.test('beyond its capacity it forgets what was asked for longest ago', async (t) => {
  const { computed, memo } = givenMemo(2)

  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) memo(name)

  t.strictSame(computed, ['a', 'b', 'c', 'b'])
})

t.test('with no capacity it remembers nothing', async (t) => {
  const { computed, memo } = givenMemo(0)

  memo('a')
  memo('a')

  t.strictSame(computed, ['a', 'a'])
  t.strictSame([memo.hits(), memo.misses()], [0, 2])
})

t.test('what fails is not remembered', async (t) => {
  let calls = 0
  const memo = memoize(
    () => {
      if (++calls === 1) throw new Error('once')
      return { calls }
    },
    () => 'key',
    10,
  )

  t.throws(() => memo(''), { message: 'once' })

  t.strictSame(memo(''), { calls: 2 })
})

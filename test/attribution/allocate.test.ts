import t from 'tap'
import { allocate } from '../../src/attribution/allocate.ts'

t.test('units go by weight, and what is left to the largest remainders', async (t) => {
  // 7 units by 50:30:20 are 3.5, 2.1 and 1.4: the odd one goes to the first.
  t.strictSame(allocate(7n, [50, 30, 20]), [4n, 2n, 1n])
  t.strictSame(allocate(100n, [1, 1, 1]), [34n, 33n, 33n])
  t.strictSame(allocate(12n, [5, 7]), [5n, 7n])
})

t.test('of equal remainders the earlier in the list comes first', async (t) => {
  t.strictSame(allocate(1n, [1, 1, 1]), [1n, 0n, 0n])
  t.strictSame(allocate(5n, [1, 1, 1]), [2n, 2n, 1n])
  // 1.5, 0.5 and 3: one unit for two halves.
  t.strictSame(allocate(5n, [3, 1, 6]), [2n, 0n, 3n])
})

t.test('nothing to split gives nothing to each, and no weight gets nothing', async (t) => {
  t.strictSame(allocate(0n, [1, 2]), [0n, 0n])
  t.strictSame(allocate(10n, [0, 1, 2]), [0n, 3n, 7n])
})

t.test('amounts of any size are split to the unit', async (t) => {
  t.strictSame(allocate(9_999_999_999_999_997n, [1, 1, 1]), [
    3_333_333_333_333_333n,
    3_333_333_333_333_332n,
    3_333_333_333_333_332n,
  ])
  // A quarter and three quarters of one unit more than doubles can tell from the amount.
  t.strictSame(allocate(2n ** 60n + 1n, [1, 3]), [2n ** 58n, 3n * 2n ** 58n + 1n])
})

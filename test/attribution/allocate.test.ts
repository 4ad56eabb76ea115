import t from 'tap'
import { allocate } from '../../src/attribution/allocate.ts'

t.test('allocate splits units by weight and gives leftover units to the largest remainders', async (t) => {
  // 7 units by 50:30:20 are 3.5, 2.1 and 1.4: the leftover unit goes to the first.
  t.strictSame(allocate(7n, [50, 30, 20]), [4n, 2n, 1n])
  t.strictSame(allocate(100n, [1, 1, 1]), [34n, 33n, 33n])
  t.strictSame(allocate(12n, [5, 7]), [5n, 7n])
})

t.test('allocate gives a leftover unit to the earlier index when remainders are equal', async (t) => {
  t.strictSame(allocate(1n, [1, 1, 1]), [1n, 0n, 0n])
  t.strictSame(allocate(5n, [1, 1, 1]), [2n, 2n, 1n])
  // 1.5, 0.5 and 3: one leftover unit for two halves.
  t.strictSame(allocate(5n, [3, 1, 6]), [2n, 0n, 3n])
})

t.test('allocate gives 0 units for an amount of 0 and for a weight of 0', async (t) => {
  t.strictSame(allocate(0n, [1, 2]), [0n, 0n])
  t.strictSame(allocate(10n, [0, 1, 2]), [0n, 3n, 7n])
})

t.test('allocate is exact for amounts that doubles cannot represent', async (t) => {
  t.strictSame(allocate(9_999_999_999_999_997n, [1, 1, 1]), [
    3_333_333_333_333_333n,
    3_333_333_333_333_332n,
    3_333_333_333_333_332n,
  ])
  t.strictSame(allocate(2n ** 60n + 1n, [1, 3]), [2n ** 58n, 3n * 2n ** 58n + 1n])
})

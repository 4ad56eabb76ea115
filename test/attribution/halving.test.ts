import t from 'tap'
import { halve, halvingError, wideHalvings } from '../../src/attribution/halving.ts'
import { day } from './given.ts'
import { bits, halved } from './oracle.ts'

/** Ages at and beside the steps of the table and the half-lives, and many between. */
function* givenAges(halfLife: number): Generator<number> {
  for (let step = 0; step <= 64; step++) {
    const age = Math.floor((halfLife * step) / 32)
    yield* [Math.max(age - 1, 0), age, age + 1]
  }
  for (let n = 1; n <= 500; n++) yield Math.floor(n * halfLife * 0.618_033_988)
}

t.test('halvings in doubles are as near to the true ones as they say', async (t) => {
  for (const halfLife of [day, 7 * day, 3650 * day]) {
    let worst = 0
    for (const age of givenAges(halfLife)) {
      const exact = halved(age, halfLife)
      // Doubles are whole numbers of this size, so nothing is rounded here.
      const ours = BigInt(halve(age, halfLife) * 2 ** 500) << (bits - 500n)
      const off = ours > exact ? ours - exact : exact - ours
      worst = Math.max(worst, Number((off << 100n) / exact) / 2 ** 100)
    }
    t.ok(worst <= halvingError, `half-life of ${halfLife / day} days: off by ${worst * 2 ** 53} of 2^-53`)
  }
})

t.test('halvings of whole half-lives are exact, and none is nothing', async (t) => {
  t.equal(halve(0, day), 1)
  t.equal(halve(3 * day, day), 1 / 8)
  t.equal(halve(999 * day, day), 2 ** -999)
  t.ok(halve(1_000_000 * day, day) > 0)
})

t.test('wide halvings are less than 2 off in their last place', async (t) => {
  for (const width of [64, 200, 448]) {
    const wide = wideHalvings(7 * day, width)
    for (const age of givenAges(7 * day)) {
      const residue = age % (7 * day)
      const off = wide(residue) - (halved(residue, 7 * day) >> (bits - BigInt(width)))
      t.ok(off < 2n && off > -2n, `${residue} at ${width} bits: off by ${off}`)
    }
  }
})

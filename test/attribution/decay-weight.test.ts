import t from 'tap'
import { decayWeight, decayWeightError, wideDecayWeights } from '../../src/attribution/decay-weight.ts'
import { day } from './journey-fixtures.ts'
import { bits, halved } from './oracle.ts'

/** Ages next to each 1/32 of a half-life, up to two half-lives, and 500 ages up to 309 half-lives. */
function* givenAges(halfLife: number): Generator<number> {
  for (let step = 0; step <= 64; step++) {
    const age = Math.floor((halfLife * step) / 32)
    yield* [Math.max(age - 1, 0), age, age + 1]
  }
  for (let n = 1; n <= 500; n++) yield Math.floor(n * halfLife * 0.618_033_988)
}

t.test('the error of decay weights in doubles is within decayWeightError', async (t) => {
  for (const halfLife of [day, 7 * day, 3650 * day]) {
    let worst = 0
    for (const age of givenAges(halfLife)) {
      const exact = halved(age, halfLife)
      // The product is a whole double, so BigInt() does not round.
      const ours = BigInt(decayWeight(age, halfLife) * 2 ** 500) << (bits - 500n)
      const off = ours > exact ? ours - exact : exact - ours
      worst = Math.max(worst, Number((off << 100n) / exact) / 2 ** 100)
    }
    t.ok(worst <= decayWeightError, `half-life of ${halfLife / day} days: off by ${worst * 2 ** 53} of 2^-53`)
  }
})

t.test('decay weights of whole half-lives are exact, and none is 0', async (t) => {
  t.equal(decayWeight(0, day), 1)
  t.equal(decayWeight(3 * day, day), 1 / 8)
  t.equal(decayWeight(999 * day, day), 2 ** -999)
  t.ok(decayWeight(1_000_000 * day, day) > 0)
})

t.test('wide decay weights are off by less than 2 in their last place', async (t) => {
  for (const width of [64, 200, 448]) {
    const wide = wideDecayWeights(7 * day, width)
    for (const age of givenAges(7 * day)) {
      const residue = age % (7 * day)
      const off = wide(residue) - (halved(residue, 7 * day) >> (bits - BigInt(width)))
      t.ok(off < 2n && off > -2n, `${residue} at ${width} bits: off by ${off}`)
    }
  }
})

import t from 'tap'
import { createSigner, type Term } from '../../src/attribution/exact-sign.ts'

const halfLife = 1000
const signOf = (terms: readonly Term[]) => createSigner(halfLife, [])(terms, 0n)

t.test('the sign of a sum of terms is 1, -1 or exactly 0', async (t) => {
  t.equal(signOf([]), 0)
  t.equal(signOf([{ age: 0, times: 3n }]), 1)
  t.equal(
    signOf([
      { age: 5, times: 1n },
      { age: 4, times: -1n },
    ]),
    -1,
  )
  t.equal(
    signOf([
      { age: 1500, times: 2n },
      { age: 500, times: -1n },
    ]),
    0,
  )
  t.equal(
    signOf([
      { age: 2000, times: -4n },
      { age: 1000, times: 1n },
      { age: 0, times: 1n },
    ]),
    1,
  )
})

t.test('a term millions of half-lives old decides the sign when all others cancel', async (t) => {
  const equal = [
    { age: 1700, times: 6n },
    { age: 700, times: -3n },
  ]

  t.equal(signOf([{ age: 3_000_000_300, times: -1n }, ...equal]), -1)
  t.equal(signOf([{ age: 3_000_000_700, times: -1n }, ...equal]), -1)
  t.equal(signOf([{ age: 3_000_000_700, times: 1n }, ...equal]), 1)
  t.equal(signOf([{ age: 3_000_001_700, times: -2n }, { age: 3_000_000_700, times: 1n }, ...equal]), 0)
})

t.test('subtracting a total n times equals subtracting each of its terms n times', async (t) => {
  const total = [
    ...[0, 0, 1000, 2000, 250, 1250].map((age) => ({ age, times: 1n })),
    ...[3_000_000_400, 3_000_000_401, 3_000_002_401].map((age) => ({ age, times: 1n })),
  ]
  const signLess = createSigner(halfLife, total)
  const candidates: readonly (readonly Term[])[] = [
    [{ age: 0, times: 11n }],
    [
      { age: 0, times: 11n },
      { age: 250, times: 6n },
    ],
    [
      { age: 2000, times: 11n },
      { age: 1250, times: 3n },
    ],
    [
      { age: 2000, times: 22n },
      { age: 1250, times: 6n },
      { age: 3_000_000_400, times: 2n },
    ],
    [
      { age: 2000, times: 22n },
      { age: 1250, times: 6n },
      { age: 3_000_000_400, times: 5n },
    ],
    total.map(({ age }) => ({ age, times: 2n })),
    total.slice(0, 8).map(({ age }) => ({ age, times: 2n })),
  ]
  const seen = new Set<number>()

  for (const terms of candidates) {
    for (const totals of [-3n, -2n, 0n, 1n, 2n, 4n]) {
      for (const side of [1n, -1n]) {
        const own = terms.map(({ age, times }) => ({ age, times: times * side }))
        const sign = signOf([...own, ...total.map(({ age, times }) => ({ age, times: -totals * times }))])
        t.equal(signLess(own, totals), sign)
        seen.add(sign)
      }
    }
  }

  t.equal(seen.size, 3)
})

t.test('the sign is exact for sums that need more than 2,000 bits', async (t) => {
  for (const bits of [200n, 301n, 402n, 503n, 604n, 705n, 1006n, 2007n]) {
    const whole = 1n << bits
    // The whole part of 2^bits * 2^(-1/2), so the two differ by less than 1.
    const below = squareRoot((whole * whole) / 2n)

    t.equal(signBetween(whole, -below), 1)
    t.equal(signBetween(whole, -below - 1n), -1)
    t.equal(signBetween(-whole, below), -1)
    t.equal(signBetween(-whole, below + 1n), 1)
  }
})

/** The sign of `ago` touches half a half-life old plus `now` touches of age 0. */
function signBetween(ago: bigint, now: bigint): number {
  return signOf([
    { age: 500, times: ago },
    { age: 0, times: now },
  ])
}

function squareRoot(square: bigint): bigint {
  let root = square
  for (let next = (root + 1n) >> 1n; next < root; next = (root + square / root) >> 1n) root = next
  return root
}

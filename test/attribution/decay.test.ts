import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import type { Touch } from '../../src/attribution/touch.ts'
import { day, explain, givenJourney, givenTouch } from './given.ts'

const year = 365

function winnerOf(touches: readonly Touch[], amount_minor: bigint, half_life_days = 7): string {
  const journey = givenJourney('time-decay', touches, { amount_minor, parameters: { half_life_days } })
  return attribute(journey).shares[0]!.partner_id
}

t.test('what weighs exactly the same is a tie, and the earlier gets the odd unit', async (t) => {
  // Two touches a half-life ago weigh one touch now.
  const rational = [givenTouch('p1', 0), givenTouch('p2', 7), givenTouch('p2', 7)]
  // Two touches one and a half half-lives ago weigh one touch half a half-life ago; neither is a fraction.
  const irrational = [
    givenTouch('p1', 3.5),
    givenTouch('p2', 10.5),
    givenTouch('p2', 10.5),
    givenTouch('p3', 0),
  ]

  for (const amount of [1n, 999_999_999_999_999n]) t.equal(winnerOf(rational, amount), 'p2')
  const { shares } = attribute(givenJourney('time-decay', irrational, { amount_minor: 5n }))
  t.strictSame(
    shares.map(({ partner_id, payout_minor }) => [partner_id, payout_minor]),
    [
      ['p2', 2n],
      ['p3', 2n],
      ['p1', 1n],
    ],
  )
})

t.test('a tie is a tie also where doubles add up to less', async (t) => {
  for (let n = 1; n <= 50; n++) {
    const [a, b, c] = [(n * 0.377) % 3, 3 + ((n * 0.591) % 3), 6 + ((n * 0.733) % 1)]
    // The same three weights, the heaviest of them halved for one partner and so added first.
    const halved = [b, c, a + 7, a + 7].map((days) => givenTouch('earlier', days))
    const plain = [a, b, c].map((days) => givenTouch('later', days))

    for (const amount of [1n, 999_999_999_999_999n]) {
      t.equal(winnerOf([...plain, ...halved], amount), 'earlier', `${amount} at ${a}, ${b} and ${c} days`)
    }
  }
})

t.test('one millisecond decides the odd unit, whatever the amount and the half-life', async (t) => {
  const touches = [givenTouch('earlier', 1 / day), givenTouch('later', 0)]

  for (const amount of [1n, 10_001n, 999_999_999_999_999n, 10n ** 30n + 1n]) {
    for (const halfLife of [1, 7, 3650]) t.equal(winnerOf(touches, amount, halfLife), 'later')
  }
})

t.test('a touch of fifty years ago decides where all else is equal', async (t) => {
  const touches = [
    givenTouch('earlier', 50 * year),
    givenTouch('heavier', 49 * year),
    givenTouch('earlier', 0),
    givenTouch('heavier', 0),
  ]

  for (const amount of [1n, 999_999_999_999_999n]) t.equal(winnerOf(touches, amount, 1), 'heavier')
})

t.test('shares a hair off whole units are paid as those', async (t) => {
  const ago = [1, 30, 2000].map((years) => givenTouch(`${years} years ago`, years * year))
  const touches = [...ago, givenTouch('now', 0)]

  for (const amount_minor of [1n, 100n, 100_000_000_000_000n]) {
    const journey = givenJourney('time-decay', touches, { amount_minor, parameters: { half_life_days: 1 } })

    t.strictSame(
      attribute(journey).shares.map(({ payout_minor }) => payout_minor),
      [amount_minor, 0n, 0n, 0n],
    )
    // The rest of a hair is the largest there is.
    t.strictSame(explain(journey).odd_units, [{ partner_id: 'now', rule: 'largest remainder' }])
  }
})

/** Ten thousand partners and ages, chosen by their number; ages in days. */
const chosen: Readonly<Record<string, (n: number) => readonly [partner: number, age: number]>> = {
  'all over fifty years': (n) => [n % 100, spread(n)],
  'a partner each': (n) => [n, spread(n)],
  'all at one instant': (n) => [n, 0],
  'tied but for one old touch each': (n) => [n % 5000, n < 5000 ? 0 : 200 + spread(n)],
  // Partners 2^-a + 2^-b of 96 in all: every one has a third of a unit too many or too few, but for old touches.
  'tied a third off different whole units': (n) => {
    if (n < 1640) return [n >> 1, n % 2 === 0 ? pairs[n >> 1]![0] : pairs[n >> 1]![1]]
    if (n < 1696) return [9999, n < 1680 ? 40 : 0]
    return [n % 820, 200 + spread(n)]
  },
}

const pairs = Array.from({ length: 41 }, (_, a) =>
  Array.from({ length: 40 - a }, (_, more) => [a, a + more + 1] as const),
).flat()

function spread(n: number): number {
  return ((n * 7_919_777_777) % (50 * year * day)) / day
}

t.test('ten thousand touches are split in a moment, however they are chosen', async (t) => {
  for (const [name, choose] of Object.entries(chosen)) {
    const touches = Array.from({ length: 10_000 }, (_, n) => choose(n)).map(([partner, age]) =>
      givenTouch(`p${partner}`, age),
    )
    for (const amount_minor of [5_002_500n, 2n ** 49n, 999_999_999_999_999n]) {
      const journey = givenJourney('time-decay', touches, { amount_minor, parameters: { half_life_days: 1 } })
      const start = process.cpuUsage()

      const { shares } = attribute(journey)

      const { user, system } = process.cpuUsage(start)
      t.equal(
        shares.reduce((sum, { payout_minor }) => sum + payout_minor, 0n),
        amount_minor,
      )
      t.ok(user + system < 2_000_000, `${name}: ${(user + system) / 1000} ms of processor time`)
    }
  }
})

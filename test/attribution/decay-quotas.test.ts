import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import type { Touch } from '../../src/attribution/touch.ts'
import { day, explain, givenJourney, givenTouch } from './journey-fixtures.ts'

const year = 365

function winnerOf(touches: readonly Touch[], amount_minor: bigint, half_life_days = 7): string {
  const journey = givenJourney('time-decay', touches, { amount_minor, parameters: { half_life_days } })
  return attribute(journey).shares[0]!.partner_id
}

t.test(
  'partners of exactly equal weight tie, and the earliest first touch gets the leftover unit',
  async (t) => {
    // Two touches one half-life ago weigh as much as one touch now.
    const rational = [givenTouch('p1', 0), givenTouch('p2', 7), givenTouch('p2', 7)]
    // Two touches 1.5 half-lives ago weigh as much as one touch 0.5 half-lives ago; both weights are irrational.
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
  },
)

t.test('partners tie although their sums differ in doubles', async (t) => {
  for (let n = 1; n <= 50; n++) {
    const [a, b, c] = [(n * 0.377) % 3, 3 + ((n * 0.591) % 3), 6 + ((n * 0.733) % 1)]
    // The same total weight: the largest weight is split into two halves, so doubles add it in another order.
    const halved = [b, c, a + 7, a + 7].map((days) => givenTouch('earlier', days))
    const plain = [a, b, c].map((days) => givenTouch('later', days))

    for (const amount of [1n, 999_999_999_999_999n]) {
      t.equal(winnerOf([...plain, ...halved], amount), 'earlier', `${amount} at ${a}, ${b} and ${c} days`)
    }
  }
})

t.test('one millisecond decides the leftover unit for any amount and half-life', async (t) => {
  const touches = [givenTouch('earlier', 1 / day), givenTouch('later', 0)]

  for (const amount of [1n, 10_001n, 999_999_999_999_999n, 10n ** 30n + 1n]) {
    for (const halfLife of [1, 7, 3650]) t.equal(winnerOf(touches, amount, halfLife), 'later')
  }
})

t.test('touches 50 years old decide the leftover unit when all other touches are equal', async (t) => {
  const touches = [
    givenTouch('earlier', 50 * year),
    givenTouch('heavier', 49 * year),
    givenTouch('earlier', 0),
    givenTouch('heavier', 0),
  ]

  for (const amount of [1n, 999_999_999_999_999n]) t.equal(winnerOf(touches, amount, 1), 'heavier')
})

t.test('a share just below a whole unit is rounded up to it', async (t) => {
  const ago = [1, 30, 2000].map((years) => givenTouch(`${years} years ago`, years * year))
  const touches = [...ago, givenTouch('now', 0)]

  for (const amount_minor of [1n, 100n, 100_000_000_000_000n]) {
    const journey = givenJourney('time-decay', touches, { amount_minor, parameters: { half_life_days: 1 } })

    t.strictSame(
      attribute(journey).shares.map(({ payout_minor }) => payout_minor),
      [amount_minor, 0n, 0n, 0n],
    )
    // `now` is just below the whole amount, so its remainder is the largest.
    t.strictSame(explain(journey).odd_units, [{ partner_id: 'now', rule: 'largest remainder' }])
  }
})

/** Inputs that are hard to split: the partner and the age in days of touch `n` of 10,000. */
const chosen: Readonly<Record<string, (n: number) => readonly [partner: number, age: number]>> = {
  'ages spread over 50 years': (n) => [n % 100, spread(n)],
  'one partner for each touch': (n) => [n, spread(n)],
  'all touches at one instant': (n) => [n, 0],
  'partners tied except for one old touch each': (n) => [n % 5000, n < 5000 ? 0 : 200 + spread(n)],
  // Without old touches each partner weighs 2^-a + 2^-b of 96 in total, so its share is a third off a whole unit.
  'partners tied a third of a unit off different whole units': (n) => {
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

t.test('the payouts of 10,000 touches add up to the amount, whatever their partners and ages', async (t) => {
  for (const [name, choose] of Object.entries(chosen)) {
    const touches = Array.from({ length: 10_000 }, (_, n) => choose(n)).map(([partner, age]) =>
      givenTouch(`p${partner}`, age),
    )
    for (const amount_minor of [5_002_500n, 2n ** 49n, 999_999_999_999_999n]) {
      const journey = givenJourney('time-decay', touches, { amount_minor, parameters: { half_life_days: 1 } })
      const { shares } = attribute(journey)

      t.equal(
        shares.reduce((sum, { payout_minor }) => sum + payout_minor, 0n),
        amount_minor,
        `${name}: ${amount_minor}`,
      )
    }
  }
})

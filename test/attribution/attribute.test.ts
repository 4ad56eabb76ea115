import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import type { Touch } from '../../src/attribution/touch.ts'
import { givenJourney, givenTouch } from './given.ts'

/** Who gets the only unit there is. */
function winnerOf(touches: readonly Touch[]): string {
  return attribute(givenJourney('equal', touches, { amount_minor: 1n })).shares[0]!.partner_id
}

t.test('a split lists payout, percentage, touches and role of each partner', async (t) => {
  const touches = [
    givenTouch('p1', 9, { touchpoint_type: 'referral' }),
    givenTouch('p2', 5, { touchpoint_type: 'demo' }),
    givenTouch('p1', 1, { touchpoint_type: 'closer' }),
  ]

  t.strictSame(attribute(givenJourney('role-based', touches, { amount_minor: 5_000_000n })), {
    shares: [
      {
        partner_id: 'p1',
        payout_minor: 4_000_000n,
        percentage_bp: 8000,
        touchpoints: 2,
        role: 'closer, referral',
      },
      { partner_id: 'p2', payout_minor: 1_000_000n, percentage_bp: 2000, touchpoints: 1, role: 'demo' },
    ],
    unattributed_minor: 0n,
  })
})

t.test('rows go by payout, then by partner id, whoever came first', async (t) => {
  const touches = ['p2', 'p10', 'P3', 'p1'].map((partner, index) => givenTouch(partner, 9 - index))

  const { shares } = attribute(givenJourney('equal', touches, { amount_minor: 101n }))

  t.strictSame(
    shares.map(({ partner_id, payout_minor }) => [partner_id, payout_minor]),
    [
      ['p2', 26n],
      ['P3', 25n],
      ['p1', 25n],
      ['p10', 25n],
    ],
  )
})

t.test('the odd unit goes to the earliest first touch, and at one instant to the lower id', async (t) => {
  t.equal(winnerOf([givenTouch('p1', 1), givenTouch('p9', 2)]), 'p9')
  t.equal(winnerOf([givenTouch('p2', 1), givenTouch('p10', 1)]), 'p10')
  t.equal(winnerOf([givenTouch('partner-a', 1), givenTouch('Partner-B', 1)]), 'Partner-B')
  // Its id puts p2's touch first; the tie looks at the instant alone.
  t.equal(winnerOf([givenTouch('p2', 1, { id: 'a' }), givenTouch('p1', 1, { id: 'b' })]), 'p1')
})

t.test('percentages are split like the money and add up to 100.00', async (t) => {
  const touches = ['p1', 'p2', 'p3'].map((partner, index) => givenTouch(partner, 9 - index))

  const { shares } = attribute(givenJourney('equal', touches))

  t.strictSame(
    shares.map(({ percentage_bp }) => percentage_bp),
    [3334, 3333, 3333],
  )
})

t.test('without a touch that counts, or without weight, the whole amount is unattributed', async (t) => {
  const nobody = { shares: [], unattributed_minor: 10_000n }
  const touches = [givenTouch('p1', 1)]
  const weightless = { parameters: { weights: { other: 0 } } }

  t.strictSame(attribute(givenJourney('equal', [])), nobody)
  t.strictSame(attribute(givenJourney('position-based', [])), nobody)
  t.strictSame(attribute(givenJourney('time-decay', [givenTouch('p1', -1)])), nobody)
  t.strictSame(attribute(givenJourney('equal', touches, { is_void: true })), nobody)
  t.strictSame(attribute(givenJourney('role-based', touches, weightless)), nobody)
})

t.test('a partner whose part rounds to nothing has a row all the same', async (t) => {
  const years = 3650
  const touches = [givenTouch('long-ago', 10 * years), givenTouch('now', 0)]

  const { shares } = attribute(givenJourney('time-decay', touches))

  t.strictSame(
    shares.map(({ partner_id, payout_minor, percentage_bp }) => [partner_id, payout_minor, percentage_bp]),
    [
      ['now', 10_000n, 10_000],
      ['long-ago', 0n, 0],
    ],
  )
})

t.test('a result cannot be changed by whoever gets it', async (t) => {
  const some = attribute(givenJourney('equal', [givenTouch('p1', 1)]))
  const none = attribute(givenJourney('equal', []))

  for (const part of [some, some.shares, some.shares[0], none, none.shares]) t.ok(Object.isFrozen(part))
})

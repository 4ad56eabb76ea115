import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import type { Touch } from '../../src/attribution/touch.ts'
import { givenJourney, givenTouch } from './journey-fixtures.ts'

/** The partner who gets the only minor unit of a deal. */
function winnerOf(touches: readonly Touch[]): string {
  return attribute(givenJourney('equal', touches, { amount_minor: 1n })).shares[0]!.partner_id
}

t.test('a split lists the payout, percentage, touchpoints and role of each partner', async (t) => {
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
    unattributed_bp: 0,
  })
})

t.test('attribute sorts shares by payout, then by partner id', async (t) => {
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

t.test(
  'attribute gives the leftover unit to the earliest first touch, then to the lower partner id',
  async (t) => {
    t.equal(winnerOf([givenTouch('p1', 1), givenTouch('p9', 2)]), 'p9')
    t.equal(winnerOf([givenTouch('p2', 1), givenTouch('p10', 1)]), 'p10')
    t.equal(winnerOf([givenTouch('partner-a', 1), givenTouch('Partner-B', 1)]), 'Partner-B')
    // The touch of p2 has the lower id, but touch ids do not break ties.
    t.equal(winnerOf([givenTouch('p2', 1, { id: 'a' }), givenTouch('p1', 1, { id: 'b' })]), 'p1')
  },
)

t.test('percentages are rounded by largest remainder and add up to 100.00', async (t) => {
  const touches = ['p1', 'p2', 'p3'].map((partner, index) => givenTouch(partner, 9 - index))

  const { shares } = attribute(givenJourney('equal', touches))

  t.strictSame(
    shares.map(({ percentage_bp }) => percentage_bp),
    [3334, 3333, 3333],
  )
})

t.test(
  'attribute leaves the whole amount unattributed when no touch qualifies or all weights are 0',
  async (t) => {
    const nobody = { shares: [], unattributed_minor: 10_000n, unattributed_bp: 0 }
    const touches = [givenTouch('p1', 1)]
    const weightless = { parameters: { weights: { other: 0 } } }

    t.strictSame(attribute(givenJourney('equal', [])), nobody)
    t.strictSame(attribute(givenJourney('position-based', [])), nobody)
    t.strictSame(attribute(givenJourney('time-decay', [givenTouch('p1', -1)])), nobody)
    t.strictSame(attribute(givenJourney('equal', touches, { is_void: true })), nobody)
    t.strictSame(attribute(givenJourney('role-based', touches, weightless)), nobody)
  },
)

t.test('attribute lists a partner whose payout rounds to 0', async (t) => {
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

t.test('attribute returns frozen results', async (t) => {
  const some = attribute(givenJourney('equal', [givenTouch('p1', 1)]))
  const none = attribute(givenJourney('equal', []))

  for (const part of [some, some.shares, some.shares[0], none, none.shares]) t.ok(Object.isFrozen(part))
})

import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import { sentence, type ExplainedLeftover } from '../../src/attribution/explain.ts'
import type { Journey } from '../../src/attribution/journey.ts'
import { close, day, explain, givenJourney, givenTouch } from './journey-fixtures.ts'

function weightsOf(journey: Journey): readonly string[] {
  return explain(journey).touches.map(({ weight }) => weight)
}

/** The leftover units of an equal split. `days` gives the age of each partner's touch in days. */
function leftoversOf(
  amount_minor: bigint,
  days: Readonly<Record<string, number>>,
): readonly ExplainedLeftover[] {
  const touches = Object.entries(days).map(([partner, daysBefore]) => givenTouch(partner, daysBefore))
  return explain(givenJourney('equal', touches, { amount_minor })).odd_units
}

t.test('explain lists the weight, share and payout of every touch', async (t) => {
  const touches = [
    givenTouch('p1', 3, { id: 'a', touchpoint_type: 'referral' }),
    givenTouch('p2', 2, { id: 'b', touchpoint_type: 'demo' }),
    givenTouch('p1', 1, { id: 'c', touchpoint_type: 'closer' }),
    givenTouch('p2', -1, { id: 'd', touchpoint_type: 'support' }),
  ]

  t.strictSame(explain(givenJourney('role-based', touches, { amount_minor: 101n })), {
    touches: [
      {
        id: 'a',
        partner_id: 'p1',
        touchpoint_type: 'referral',
        at: close - 3 * day,
        weight: '1/4',
        age_ms: null,
        half_life_ms: null,
        share_bp: 3333,
        payout_minor: 34n,
      },
      {
        id: 'b',
        partner_id: 'p2',
        touchpoint_type: 'demo',
        at: close - 2 * day,
        weight: '3/20',
        age_ms: null,
        half_life_ms: null,
        share_bp: 2000,
        payout_minor: 20n,
      },
      {
        id: 'c',
        partner_id: 'p1',
        touchpoint_type: 'closer',
        at: close - day,
        weight: '7/20',
        age_ms: null,
        half_life_ms: null,
        share_bp: 4667,
        payout_minor: 47n,
      },
    ],
    excluded: [
      { id: 'd', partner_id: 'p2', touchpoint_type: 'support', at: close + day, reason: 'after_close' },
    ],
    odd_units: [{ partner_id: 'p1', rule: 'largest remainder' }],
  })
})

t.test('explain writes weights exactly, as ratios and powers of 2', async (t) => {
  const touches = [givenTouch('p1', 7), givenTouch('p1', 3), givenTouch('p2', 1), givenTouch('p1', 0)]

  t.strictSame(weightsOf(givenJourney('equal', touches)), ['1/3', '1/3', '1', '1/3'])
  t.strictSame(weightsOf(givenJourney('first-touch', touches)), ['1', '0', '0', '0'])
  t.strictSame(weightsOf(givenJourney('last-touch', touches)), ['0', '0', '0', '1'])
  t.strictSame(weightsOf(givenJourney('linear', touches)), ['1', '1', '1', '1'])
  t.strictSame(weightsOf(givenJourney('position-based', touches)), ['2/5', '1/10', '1/10', '2/5'])
  t.strictSame(weightsOf(givenJourney('time-decay', touches)), ['2^(-1)', '2^(-3/7)', '2^(-1/7)', '1'])
  t.match(explain(givenJourney('time-decay', touches)).touches[1], {
    age_ms: 3 * day,
    half_life_ms: 7 * day,
  })
})

t.test('explain splits the payout of a partner among its touches by weight at any age', async (t) => {
  const years = 3650
  const touches = [
    givenTouch('p1', 10 * years + 7),
    givenTouch('p1', 10 * years),
    givenTouch('p2', 10 * years),
  ]
  const journey = givenJourney('time-decay', [...touches, givenTouch('p3', 0)])
  const alone = givenJourney('time-decay', touches.slice(0, 2), { amount_minor: 300n })

  t.strictSame(
    explain(journey).touches.map(({ share_bp, payout_minor }) => [share_bp, payout_minor]),
    [
      [0, 0n],
      [0, 0n],
      [0, 0n],
      [10_000, 10_000n],
    ],
  )
  t.strictSame(
    explain(alone).touches.map(({ payout_minor }) => payout_minor),
    [100n, 200n],
  )
})

t.test('explain names the rule that assigned each leftover unit', async (t) => {
  t.strictSame(leftoversOf(100n, { p1: 2, p2: 1 }), [])
  t.strictSame(leftoversOf(100n, { p9: 3, p2: 2, p1: 1 }), [
    { partner_id: 'p9', rule: 'earliest first touch' },
  ])
  t.strictSame(leftoversOf(101n, { p3: 1, p2: 1, p1: 1 }), [
    { partner_id: 'p1', rule: 'lower partner id' },
    { partner_id: 'p2', rule: 'lower partner id' },
  ])
  t.strictSame(leftoversOf(101n, { p3: 2, p2: 1, p1: 1 }), [
    { partner_id: 'p3', rule: 'earliest first touch' },
    { partner_id: 'p1', rule: 'lower partner id' },
  ])
})

t.test(
  'explain reports no leftover unit for whole shares and no tie for nearly equal remainders',
  async (t) => {
    for (let n = 1; n <= 50; n++) {
      // All partners weigh the same: p5 has two touches of half the weight in place of one.
      const older = ['p1', 'p2', 'p3', 'p4'].map((partner) => givenTouch(partner, n / 7))
      const halves = [givenTouch('p5', 7 + n / 7), givenTouch('p5', 7 + n / 7)]
      const last = ['p1', 'p2', 'p3', 'p4', 'p5'].map((partner) => givenTouch(partner, 0))
      for (const amount_minor of [5n, 35n, 495n, 999_999_999_999_995n]) {
        const journey = givenJourney('time-decay', [...older, ...halves, ...last], { amount_minor })
        t.strictSame(explain(journey).odd_units, [], `${amount_minor} at ${n} sevenths of a day`)
      }
    }
    const years = 365
    const old = [givenTouch('earlier', 50 * years), givenTouch('heavier', 49 * years)]
    const touches = [...old, givenTouch('earlier', 0), givenTouch('heavier', 0)]
    const daily = { amount_minor: 1n, parameters: { half_life_days: 1 } }

    t.strictSame(explain(givenJourney('time-decay', touches, daily)).odd_units, [
      { partner_id: 'heavier', rule: 'largest remainder' },
    ])
    t.strictSame(explain(givenJourney('time-decay', touches.slice(2), daily)).odd_units, [
      { partner_id: 'earlier', rule: 'lower partner id' },
    ])
  },
)

t.test('explain lists only excluded touches for a void deal', async (t) => {
  const journey = givenJourney('linear', [givenTouch('p1', 1, { id: 'a' })], { is_void: true })

  t.match(explain(journey), { touches: [], excluded: [{ id: 'a', reason: 'deal_voided' }], odd_units: [] })
})

t.test('sentence states the payout, percentage and touchpoints of a partner', async (t) => {
  const touches = [
    givenTouch('p1', 3, { touchpoint_type: 'referral' }),
    givenTouch('p2', 2, { touchpoint_type: 'demo' }),
    givenTouch('p1', 1, { touchpoint_type: 'closer' }),
  ]
  const [alice, bob] = attribute(givenJourney('role-based', touches)).shares
  const deal = { model: 'role-based', amount: '$100.00' } as const

  t.equal(
    sentence(alice!, { ...deal, name: 'Alice', payout: '$80.00' }),
    'Alice earns $80.00, 80.00 % of $100.00, for 2 touchpoints (closer, referral): each touchpoint counts by its type.',
  )
  t.equal(
    sentence(bob!, { ...deal, name: 'Bob', payout: '$20.00' }),
    'Bob earns $20.00, 20.00 % of $100.00, for 1 touchpoint (demo): each touchpoint counts by its type.',
  )
})

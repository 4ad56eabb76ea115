import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import type { Journey } from '../../src/attribution/journey.ts'
import { generalModels, modelNames, resolveParameters } from '../../src/attribution/models.ts'
import { close, explain, givenJourney, givenTouch } from './journey-fixtures.ts'

const window = { close_grace_minutes: 60, lookback_days: null }

/** The payout of each partner, in minor units. */
function payouts(journey: Journey): Readonly<Record<string, number>> {
  return Object.fromEntries(
    attribute(journey).shares.map(({ partner_id, payout_minor }) => [partner_id, Number(payout_minor)]),
  )
}

t.test('modelNames lists the eight models', async (t) => {
  t.strictSame(modelNames, [
    'equal',
    'first-touch',
    'last-touch',
    'role-based',
    'time-decay',
    'linear',
    'position-based',
    'agreed',
  ])
})

t.test('equal gives each partner the same share, however many touches it has', async (t) => {
  const touches = [
    givenTouch('alice', 9),
    givenTouch('alice', 8),
    givenTouch('alice', 7),
    givenTouch('bob', 1),
  ]

  t.strictSame(payouts(givenJourney('equal', touches)), { alice: 5000, bob: 5000 })
})

t.test('first-touch and last-touch pay one partner and list no other', async (t) => {
  const touches = [givenTouch('alice', 9), givenTouch('bob', 5), givenTouch('carol', 1)]

  t.strictSame(payouts(givenJourney('first-touch', touches)), { alice: 10_000 })
  t.strictSame(payouts(givenJourney('last-touch', touches)), { carol: 10_000 })
})

t.test('role-based splits a referral and a close 25:35', async (t) => {
  const touches = [
    givenTouch('alice', 9, { touchpoint_type: 'referral' }),
    givenTouch('bob', 1, { touchpoint_type: 'closer' }),
  ]

  t.strictSame(payouts(givenJourney('role-based', touches, { amount_minor: 1200n })), {
    bob: 700,
    alice: 500,
  })
})

t.test(
  'role-based adds up the weights of a partner’s touches, and weights need not add up to 1',
  async (t) => {
    const types = ['closer', 'referral', 'demo', 'intro', 'support', 'other'] as const
    const touches = types.map((touchpoint_type) => givenTouch(touchpoint_type, 1, { touchpoint_type }))

    const all = payouts(givenJourney('role-based', touches, { amount_minor: 105n }))
    const pair = payouts(
      givenJourney('role-based', [
        ...touches.slice(0, 3),
        givenTouch('demo', 1, { touchpoint_type: 'support' }),
      ]),
    )

    t.strictSame(all, { closer: 35, referral: 25, demo: 15, intro: 15, support: 10, other: 5 })
    t.strictSame(pair, { closer: 4118, referral: 2941, demo: 2941 })
  },
)

t.test('role-based accepts other weights for some types, down to 0', async (t) => {
  const touches = [
    givenTouch('alice', 9, { touchpoint_type: 'referral' }),
    givenTouch('bob', 1, { touchpoint_type: 'demo' }),
  ]
  const split = (weights: Readonly<Record<string, number>>) =>
    payouts(givenJourney('role-based', touches, { parameters: { weights } }))

  t.strictSame(split({ demo: 0.75 }), { bob: 7500, alice: 2500 })
  t.strictSame(split({ demo: 0.0001, referral: 0.9999 }), { alice: 9999, bob: 1 })
  t.strictSame(split({ demo: 0 }), { alice: 10_000 })
  t.strictSame(split({ demo: 0, referral: 0 }), {})
})

t.test('time-decay halves the weight of a touch for each week before the last touch', async (t) => {
  const touches = [givenTouch('alice', 17), givenTouch('bob', 10), givenTouch('carol', 3)]

  t.strictSame(payouts(givenJourney('time-decay', touches, { amount_minor: 700n })), {
    carol: 400,
    bob: 200,
    alice: 100,
  })
})

t.test('time-decay uses the half-life of the deal', async (t) => {
  const touches = [givenTouch('alice', 30), givenTouch('bob', 0)]

  const month = givenJourney('time-decay', touches, {
    amount_minor: 300n,
    parameters: { half_life_days: 30 },
  })

  t.strictSame(payouts(month), { bob: 200, alice: 100 })
})

t.test('linear gives each touch the same share', async (t) => {
  const touches = [
    givenTouch('alice', 9),
    givenTouch('alice', 8),
    givenTouch('alice', 7),
    givenTouch('bob', 1),
  ]

  t.strictSame(payouts(givenJourney('linear', touches)), { alice: 7500, bob: 2500 })
})

t.test(
  'position-based gives 40 % to the first touch, 40 % to the last and 20 % to those between',
  async (t) => {
    const touches = ['a', 'b', 'c', 'd'].map((partner, index) => givenTouch(partner, 9 - index))
    const split = (count: number) => payouts(givenJourney('position-based', touches.slice(0, count)))

    t.strictSame(split(1), { a: 10_000 })
    t.strictSame(split(2), { a: 5000, b: 5000 })
    t.strictSame(split(3), { a: 4000, c: 4000, b: 2000 })
    t.strictSame(split(4), { a: 4000, d: 4000, b: 1000, c: 1000 })
  },
)

t.test('position-based uses the weights of the deal', async (t) => {
  const touches = ['a', 'b', 'c', 'd'].map((partner, index) => givenTouch(partner, 9 - index))
  const parameters = { weights: { first: 0.5, middle: 0, last: 0.25 } }

  t.strictSame(payouts(givenJourney('position-based', touches, { amount_minor: 9000n, parameters })), {
    a: 6000,
    d: 3000,
  })
  t.strictSame(
    payouts(givenJourney('position-based', touches.slice(0, 2), { amount_minor: 9000n, parameters })),
    {
      a: 6000,
      b: 3000,
    },
  )
})

t.test(
  'position-based gives all to the only touch, and to each of two its own weight, down to 0',
  async (t) => {
    const touches = [givenTouch('a', 9), givenTouch('b', 8)]
    const split = (count: number, weights: Readonly<Record<string, number>>) =>
      payouts(givenJourney('position-based', touches.slice(0, count), { parameters: { weights } }))

    t.strictSame(split(1, { first: 0 }), { a: 10_000 })
    t.strictSame(split(1, { first: 0, middle: 0, last: 0 }), { a: 10_000 })
    t.strictSame(split(2, { first: 0 }), { b: 10_000 })
    t.strictSame(split(2, { last: 0 }), { a: 10_000 })
    t.strictSame(split(2, { first: 0.1, middle: 5, last: 0.3 }), { b: 7500, a: 2500 })
    t.strictSame(split(2, { first: 0, last: 0 }), {}, 'nothing scores, so the amount is unattributed')
  },
)

t.test('every general model gives the whole amount to the only touch', async (t) => {
  for (const model of generalModels) {
    t.strictSame(payouts(givenJourney(model, [givenTouch('alice', 3)])), { alice: 10_000 }, model)
  }
})

t.test('resolveParameters uses the defaults of the model for missing parameters', async (t) => {
  const reference = { closer: 0.35, referral: 0.25, demo: 0.15, intro: 0.15, support: 0.1, other: 0.05 }

  t.strictSame(resolveParameters('equal', {}, window), window)
  t.strictSame(resolveParameters('role-based', {}, window), { ...window, weights: reference })
  t.strictSame(resolveParameters('role-based', { weights: { demo: 1 } }, window), {
    ...window,
    weights: { ...reference, demo: 1 },
  })
  t.strictSame(resolveParameters('time-decay', {}, window), { ...window, half_life_days: 7 })
  t.strictSame(resolveParameters('position-based', { weights: { last: 1 } }, window), {
    ...window,
    weights: { first: 0.4, middle: 0.2, last: 1 },
  })
})

t.test('the window of a deal overrides the window of the service, even with null', async (t) => {
  const service = { close_grace_minutes: 60, lookback_days: 90 }

  t.strictSame(resolveParameters('linear', { lookback_days: null }, service), {
    close_grace_minutes: 60,
    lookback_days: null,
  })
  t.strictSame(resolveParameters('linear', { close_grace_minutes: 0, lookback_days: 30 }, service), {
    close_grace_minutes: 0,
    lookback_days: 30,
  })
})

t.test('time-decay gives full weight to touches at the close', async (t) => {
  const touches = [givenTouch('alice', 0, { at: close }), givenTouch('bob', 0, { at: close })]

  t.strictSame(payouts(givenJourney('time-decay', touches)), { alice: 5000, bob: 5000 })
})

t.test(
  'agreed gives each partner its percentage, with touches or without, and leaves the rest',
  async (t) => {
    const shares = [
      { partner_id: 'bob', percentage: 30 },
      { partner_id: 'alice', percentage: 12.5 },
    ]
    const touches = [givenTouch('bob', 3, { touchpoint_type: 'demo' }), givenTouch('carol', 2)]

    t.strictSame(attribute(givenJourney('agreed', touches, { parameters: { shares } })), {
      shares: [
        { partner_id: 'bob', payout_minor: 3000n, percentage_bp: 3000, touchpoints: 1, role: 'demo' },
        { partner_id: 'alice', payout_minor: 1250n, percentage_bp: 1250, touchpoints: 0, role: '' },
      ],
      unattributed_minor: 5750n,
      unattributed_bp: 5750,
    })
  },
)

function oddUnitsOfTwo(percentage: number, amount_minor: bigint) {
  const shares = ['p2', 'p1'].map((partner_id) => ({ partner_id, percentage }))
  return explain(givenJourney('agreed', [], { amount_minor, parameters: { shares } })).odd_units
}

t.test('the leftover units of agreed go to the lower id, and to nobody last', async (t) => {
  t.strictSame(oddUnitsOfTwo(50, 1n), [{ partner_id: 'p1', rule: 'lower partner id' }])
  t.strictSame(oddUnitsOfTwo(37.5, 2n), [
    { partner_id: 'p1', rule: 'largest remainder' },
    { partner_id: 'p2', rule: 'largest remainder' },
  ])
  t.strictSame(oddUnitsOfTwo(25, 1n), [{ partner_id: null, rule: 'largest remainder' }])
  t.strictSame(oddUnitsOfTwo(33.33, 1n), [{ partner_id: null, rule: 'largest remainder' }])
})

t.test('a partner gets an odd unit before the unattributed part', async (t) => {
  const shares = [{ partner_id: 'p1', percentage: 50 }]
  const { shares: paid, unattributed_minor } = attribute(
    givenJourney('agreed', [], { amount_minor: 101n, parameters: { shares } }),
  )

  t.strictSame([paid[0]?.payout_minor, unattributed_minor], [51n, 50n])
  t.strictSame(
    explain(givenJourney('agreed', [], { amount_minor: 101n, parameters: { shares } })).odd_units,
    [{ partner_id: 'p1', rule: 'partner before unattributed' }],
  )
})

t.test('agreed credits nobody on a void deal', async (t) => {
  const shares = [{ partner_id: 'p1', percentage: 100 }]

  t.strictSame(attribute(givenJourney('agreed', [], { is_void: true, parameters: { shares } })), {
    shares: [],
    unattributed_minor: 10_000n,
    unattributed_bp: 0,
  })
})

import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import type { Journey } from '../../src/attribution/journey.ts'
import { modelNames, resolveParameters } from '../../src/attribution/models.ts'
import { close, givenJourney, givenTouch } from './given.ts'

const window = { close_grace_minutes: 60, lookback_days: null }

/** What each partner gets, in minor units. */
function payouts(journey: Journey): Readonly<Record<string, number>> {
  return Object.fromEntries(
    attribute(journey).shares.map(({ partner_id, payout_minor }) => [partner_id, Number(payout_minor)]),
  )
}

t.test('there are seven models', async (t) => {
  t.strictSame(modelNames, [
    'equal',
    'first-touch',
    'last-touch',
    'role-based',
    'time-decay',
    'linear',
    'position-based',
  ])
})

t.test('equal: one part for each partner, however many its touches', async (t) => {
  const touches = [
    givenTouch('alice', 9),
    givenTouch('alice', 8),
    givenTouch('alice', 7),
    givenTouch('bob', 1),
  ]

  t.strictSame(payouts(givenJourney('equal', touches)), { alice: 5000, bob: 5000 })
})

t.test('first-touch and last-touch: all to one partner, and only that one is listed', async (t) => {
  const touches = [givenTouch('alice', 9), givenTouch('bob', 5), givenTouch('carol', 1)]

  t.strictSame(payouts(givenJourney('first-touch', touches)), { alice: 10_000 })
  t.strictSame(payouts(givenJourney('last-touch', touches)), { carol: 10_000 })
})

t.test('role-based: 25 for a referral and 35 for a close make 5:7', async (t) => {
  const touches = [
    givenTouch('alice', 9, { touchpoint_type: 'referral' }),
    givenTouch('bob', 1, { touchpoint_type: 'closer' }),
  ]

  t.strictSame(payouts(givenJourney('role-based', touches, { amount_minor: 1200n })), {
    bob: 700,
    alice: 500,
  })
})

t.test('role-based: weights add up over a partner’s touches, and need not add up to 1', async (t) => {
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
})

t.test('role-based: a deal may weigh some types in its own way, down to nothing', async (t) => {
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

t.test('time-decay: a touch counts half as much for every week before the last one', async (t) => {
  const touches = [givenTouch('alice', 17), givenTouch('bob', 10), givenTouch('carol', 3)]

  t.strictSame(payouts(givenJourney('time-decay', touches, { amount_minor: 700n })), {
    carol: 400,
    bob: 200,
    alice: 100,
  })
})

t.test('time-decay: the half-life is the deal’s own', async (t) => {
  const touches = [givenTouch('alice', 30), givenTouch('bob', 0)]

  const month = givenJourney('time-decay', touches, {
    amount_minor: 300n,
    parameters: { half_life_days: 30 },
  })

  t.strictSame(payouts(month), { bob: 200, alice: 100 })
})

t.test('linear: one part for each touch', async (t) => {
  const touches = [
    givenTouch('alice', 9),
    givenTouch('alice', 8),
    givenTouch('alice', 7),
    givenTouch('bob', 1),
  ]

  t.strictSame(payouts(givenJourney('linear', touches)), { alice: 7500, bob: 2500 })
})

t.test('position-based: 40 to the first, 40 to the last, 20 to those between', async (t) => {
  const touches = ['a', 'b', 'c', 'd'].map((partner, index) => givenTouch(partner, 9 - index))
  const split = (count: number) => payouts(givenJourney('position-based', touches.slice(0, count)))

  t.strictSame(split(1), { a: 10_000 })
  t.strictSame(split(2), { a: 5000, b: 5000 })
  t.strictSame(split(3), { a: 4000, c: 4000, b: 2000 })
  t.strictSame(split(4), { a: 4000, d: 4000, b: 1000, c: 1000 })
})

t.test('position-based: the places weigh as the deal says', async (t) => {
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

t.test('one partner’s touch is all of it under every model', async (t) => {
  for (const model of modelNames) {
    t.strictSame(payouts(givenJourney(model, [givenTouch('alice', 3)])), { alice: 10_000 }, model)
  }
})

t.test('the parameters a deal leaves out are the model’s own', async (t) => {
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

t.test('the window a deal gives stands before the service’s, also where it gives none', async (t) => {
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

t.test('touches at the very close count in full', async (t) => {
  const touches = [givenTouch('alice', 0, { at: close }), givenTouch('bob', 0, { at: close })]

  t.strictSame(payouts(givenJourney('time-decay', touches)), { alice: 5000, bob: 5000 })
})

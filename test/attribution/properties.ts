import { strict as assert } from 'node:assert'
import * as fc from 'fast-check'
import { assignUnits } from '../../src/attribution/allocate.ts'
import { attribute, type Split } from '../../src/attribution/attribute.ts'
import { decayQuotas } from '../../src/attribution/decay-quotas.ts'
import { fingerprint, qualify, type Journey } from '../../src/attribution/journey.ts'
import { touchpointTypes, type Touch } from '../../src/attribution/touch.ts'
import { modelNames, weigh, type Parameters, type ParametersOf } from '../../src/attribution/models.ts'
import { scorePartners } from '../../src/attribution/partner-scores.ts'
import { close, day, explain, givenJourney } from './journey-fixtures.ts'
import { largestRemainder, nobody, slackOf } from './oracle.ts'

const weight = fc.integer({ min: 0, max: 20_000 }).map((whole) => whole / 10_000)

// Half days make ties; single milliseconds make near ties.
const age = fc.oneof(
  fc.integer({ min: 0, max: 20 }).map((halves) => (halves * day) / 2),
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: -day, max: 100 * day }),
)

const touch = fc.record({
  partner_id: fc.constantFrom('p1', 'p2', 'p3', 'p10', 'P4', 'z'),
  touchpoint_type: fc.constantFrom(...touchpointTypes),
  at: age.map((ms) => close - ms),
  is_void: fc.integer({ min: 0, max: 15 }).map((sixteenth) => sixteenth === 0),
})

const amount = fc.oneof(
  fc.bigInt(0n, 20n),
  fc.bigInt(1n, 10_000_000n),
  fc.bigInt(1n, 999_999_999_999_999n),
  fc.bigInt(1n, 2n ** 80n),
)

// The quarters make ties, also with the rest. p7 and p9 touch no deal.
const hundredths = fc.oneof(fc.constantFrom(2000, 1000, 1), fc.integer({ min: 1, max: 2000 }))
const agreement = fc.uniqueArray(
  fc.record({
    partner_id: fc.constantFrom('p1', 'p2', 'p10', 'p7', 'p9'),
    percentage: hundredths.map((whole) => whole / 100),
  }),
  { minLength: 1, selector: ({ partner_id }) => partner_id },
)

/** A random deal under each of the models, and its touches in another order. */
export const splits: fc.Arbitrary<readonly SplitCase[]> = fc
  .record({
    amount_minor: amount,
    arrivals: fc.array(fc.tuple(touch, fc.nat()), { maxLength: 10 }),
    roles: fc.record({
      referral: weight,
      demo: weight,
      intro: weight,
      support: weight,
      closer: weight,
      other: weight,
    }),
    places: fc.record({ first: weight, middle: weight, last: weight }),
    half_life_days: fc.constantFrom(1, 7, 30, 3650),
    shares: agreement,
  })
  .map(({ amount_minor, arrivals, roles, places, half_life_days, shares }) => {
    const numbered = arrivals.map(([drawn, rank], index) => ({ touch: { id: `e${index}`, ...drawn }, rank }))
    const reordered = numbered.toSorted((a, b) => a.rank - b.rank).map(({ touch }) => touch)
    const touches = numbered.map(({ touch }) => touch)
    return modelNames.map((model) => {
      const given = {
        'role-based': { weights: roles },
        'position-based': { weights: places },
        'time-decay': { half_life_days },
        agreed: { shares },
      }
      const parameters = (given as Partial<Record<string, object>>)[model] ?? {}
      return { journey: givenJourney(model, touches, { amount_minor, parameters }), reordered }
    })
  })

interface SplitCase {
  readonly journey: Journey
  readonly reordered: readonly Touch[]
}

/** Properties of every split. Each function throws when its property does not hold. */
export const properties: Readonly<Record<string, (split: SplitCase) => void>> = {
  'the shares add up to the amount and the percentages to 100': ({ journey }) => {
    const { shares, unattributed_minor, unattributed_bp } = attribute(journey)

    const paid = shares.reduce((sum, { payout_minor }) => sum + payout_minor, 0n)
    const percentages = shares.reduce((sum, { percentage_bp }) => sum + percentage_bp, 0)
    assert.equal(paid + unattributed_minor, journey.amount_minor)
    assert.equal(percentages + unattributed_bp, shares.length === 0 ? 0 : 10_000)
  },

  'each share is the exact quota rounded by largest remainder': ({ journey }) => {
    const { shares, unattributed_minor, unattributed_bp } = attribute(journey)
    const rest = unattributed_bp === 0 ? [] : [[nobody, unattributed_minor, unattributed_bp]]

    const exact = largestRemainder(journey, journey.amount_minor)
    const total = exact.reduce((sum, { weight }) => sum + weight, 0n)
    for (const { weight, part } of exact) {
      const off = part * total - journey.amount_minor * weight
      assert.ok(off < total && off > -total)
    }
    const percentages = largestRemainder(journey, 10_000n)
    assert.equal(
      lines([...shares.map((share) => [share.partner_id, share.payout_minor, share.percentage_bp]), ...rest]),
      lines(exact.map(({ partner_id, part }, index) => [partner_id, part, percentages[index]!.part])),
    )
  },

  'the order of arrival changes neither the split nor the fingerprint': ({ journey, reordered }) => {
    const other = { ...journey, touches: reordered, parameters: reversed(journey.parameters) }

    assert.equal(textOf(attribute(other)), textOf(attribute(journey)))
    assert.equal(fingerprint(other), fingerprint(journey))
  },

  'a partner without credit is split as if it had neither touches nor a percentage': ({ journey }) => {
    const uncredited = new Set(['p1', 'p9'])
    const hasCredit = ({ partner_id }: { readonly partner_id: string }) => !uncredited.has(partner_id)
    const touches = journey.touches.filter(hasCredit)
    const { parameters } = journey
    const credited = 'shares' in parameters ? parameters.shares.filter(hasCredit) : undefined
    const without = {
      ...journey,
      touches,
      parameters: credited === undefined ? parameters : { ...parameters, shares: credited },
    }

    const split = attribute({ ...journey, uncredited })

    assert.equal(textOf(split), textOf(attribute(without)))
    assert.equal(fingerprint({ ...journey, uncredited }), fingerprint(without))
    assert.equal(fingerprint({ ...journey, uncredited: new Set(['p0']) }), fingerprint(journey))
  },

  'the percentages of agreed are those that were given': ({ journey }) => {
    if (journey.model !== 'agreed') return
    const { shares } = attribute(journey)

    const given = (journey.parameters as ParametersOf<'agreed'>).shares
    assert.equal(
      lines(shares.map(({ partner_id, percentage_bp }) => [partner_id, percentage_bp / 100])),
      lines(given.map(({ partner_id, percentage }) => [partner_id, percentage])),
    )
  },

  'doubling all weights does not change the split': ({ journey }) => {
    const { parameters } = journey
    if (!('weights' in parameters)) return
    const doubled = Object.entries(parameters.weights).map(([name, weight]) => [name, weight * 2])
    const heavy = { ...parameters, weights: Object.fromEntries(doubled) } as Parameters

    assert.equal(textOf(attribute({ ...journey, parameters: heavy })), textOf(attribute(journey)))
  },

  'an additional partner raises no other share under equal': ({ journey, reordered }) => {
    if (journey.model !== 'equal') return
    const newcomer = {
      ...(reordered[0] ?? { touchpoint_type: 'demo', at: close }),
      id: 'new',
      partner_id: 'p0',
    } as const
    const before = payoutsOf(attribute(journey))

    const after = payoutsOf(attribute({ ...journey, touches: [...journey.touches, newcomer] }))

    for (const [partner, payout] of before) assert.ok(after.get(partner)! <= payout)
  },

  'decay in doubles and decay in wide integers give the same split': ({ journey }) => {
    if (journey.model !== 'time-decay') return
    const { qualifying } = qualify(journey)
    if (qualifying.length === 0) return
    const halfLife = (journey.parameters as ParametersOf<'time-decay'>).half_life_days * day
    const partners = scorePartners(qualifying, weigh(journey, qualifying))
    const decay = {
      scores: partners.map(({ score }) => score),
      touchpoints: qualifying.length,
      halfLife,
      ages: () => partners.map(({ touches }) => touches.map(({ at }) => qualifying.at(-1)!.at - at)),
    }
    const units = journey.amount_minor % 1_000_000_000n
    // With 2^53 touchpoints the error bound is too wide for doubles, so decayQuotas uses wide integers.
    const wide = decayQuotas(units, { ...decay, touchpoints: 2 ** 53 })

    assert.deepEqual(assignUnits(decayQuotas(units, decay)).map(BigInt), assignUnits(wide).map(BigInt))
  },

  'an explanation adds up to the split': ({ journey }) => {
    const { shares } = attribute(journey)

    const { touches, excluded, odd_units } = explain(journey)

    assert.equal(touches.length + excluded.length, journey.touches.length)
    for (const { partner_id, payout_minor, percentage_bp, touchpoints } of shares) {
      const own = touches.filter((touch) => touch.partner_id === partner_id)
      assert.equal(own.length, touchpoints)
      if (touchpoints === 0) continue
      assert.equal(
        own.reduce((sum, touch) => sum + touch.payout_minor, 0n),
        payout_minor,
      )
      assert.equal(
        own.reduce((sum, touch) => sum + touch.share_bp, 0),
        percentage_bp,
      )
    }
    const exact = largestRemainder(journey, journey.amount_minor)
    const total = exact.reduce((sum, { weight }) => sum + weight, 0n)
    const roundedUp = exact.filter(
      ({ weight, part }) => part * total - journey.amount_minor * weight > slackOf(journey, total),
    )
    assert.equal(
      lines(odd_units.map(({ partner_id }) => [partner_id ?? nobody])),
      lines(roundedUp.map(({ partner_id }) => [partner_id])),
    )
  },
}

function reversed(parameters: Parameters): Parameters {
  return 'shares' in parameters ? { ...parameters, shares: parameters.shares.toReversed() } : parameters
}

function lines(rows: readonly (readonly unknown[])[]): string {
  return rows
    .map((row) => row.join(' '))
    .sort()
    .join('\n')
}

function textOf({ shares, unattributed_minor, unattributed_bp }: Split): string {
  const rows = shares.map((share) => Object.values(share).join(' '))
  return [...rows, unattributed_minor, unattributed_bp].join('\n')
}

function payoutsOf({ shares }: Split): ReadonlyMap<string, bigint> {
  return new Map(shares.map(({ partner_id, payout_minor }) => [partner_id, payout_minor]))
}

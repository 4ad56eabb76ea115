import { strict as assert } from 'node:assert'
import * as fc from 'fast-check'
import { computeCommission } from '../../src/commission/commission.ts'
import { quotaText } from '../../src/commission/explain.ts'
import type { Earner, Plan, PlanMoney, Rule, SplitDeal } from '../../src/commission/plan.ts'
import { payByFractions } from './oracle.ts'

const partnerIds = ['p1', 'p2', 'p3', 'p10', 'P4', 'z']
const types = ['referral', 'demo', 'closer']
const currencies = { USD: 100n, JPY: 1n, KWD: 1000n } as const

const amount = fc.oneof(fc.bigInt(1n, 200n), fc.bigInt(1n, 10_000_000n), fc.bigInt(1n, 999_999_999_999_999n))
const currency = fc.constantFrom('USD' as const, 'USD' as const, 'JPY' as const, 'KWD' as const)
const money: fc.Arbitrary<PlanMoney> = fc.record({ amount_minor: amount, currency })
const threshold = fc.oneof(fc.bigInt(0n, 50_000n), fc.bigInt(0n, 9_999_999_999_999n))

function sometimes<Value>(values: fc.Arbitrary<Value>) {
  return fc.option(values, { nil: undefined, freq: 2 })
}

function someOf(values: readonly string[]) {
  return sometimes(fc.subarray([...values], { minLength: 1 }).map((list) => new Set(list)))
}

/** Without the members that are undefined. */
function present<Members extends object>(members: Members): { [Name in keyof Members]: never } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Members]: never
  }
}

const when = fc
  .record({
    partner_ids: someOf(partnerIds),
    groups: someOf(['gold', 'silver']),
    touchpoint_types: someOf(types),
    currencies: someOf(Object.keys(currencies)),
    models: someOf(['equal', 'linear']),
    amount_at_least: sometimes(threshold),
    amount_below: sometimes(threshold),
  })
  .map(present)

// Round rates make ties and whole quotas.
const rate = fc.oneof(fc.constantFrom(0n, 10_000n, 100_000n, 500_000n, 1_000_000n), fc.bigInt(0n, 1_000_000n))
const pay = fc.oneof(
  { weight: 3, arbitrary: fc.record({ rate }) },
  { weight: 1, arbitrary: fc.record({ flat: money }) },
)
const rule = fc
  .tuple(fc.oneof(fc.constant({}), when), sometimes(money), pay)
  .map(([conditions, cap, pays]): Rule => ({ when: conditions, ...(cap && { cap }), ...pays }))

const plan: fc.Arbitrary<Plan> = fc.record({
  rules: fc.array(rule, { maxLength: 5 }),
  cap_per_deal: fc.option(money, { freq: 2 }),
})

const earner = fc.record({
  partner_id: fc.constantFrom(...partnerIds),
  // Parts of the net amount; small ones make ties.
  part: fc.oneof(fc.constantFrom<bigint>(0n, 1n, 2n), fc.bigInt(0n, 1_000_000n)),
  group: fc.constantFrom(null, 'gold', 'silver'),
  touchpoint_types: fc.subarray(types),
})

/** A random split of a deal that may have refunds, under a random plan, and its partners in another order. */
export const commissions: fc.Arbitrary<CommissionCase> = fc
  .record({
    plan,
    currency,
    amount_minor: amount,
    kept: fc.oneof(fc.constantFrom(100n, 100n, 0n), fc.bigInt(0n, 100n)),
    model: fc.constantFrom('equal', 'linear', 'agreed'),
    rest: fc.constantFrom<bigint>(0n, 1n, 500_000n),
    drawn: fc.uniqueArray(earner, { maxLength: 6, selector: ({ partner_id }) => partner_id }),
    ranks: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
  })
  .map(({ plan, currency, amount_minor, kept, model, rest, drawn, ranks }) => {
    const net_minor = (amount_minor * kept) / 100n
    const parts = drawn.reduce((sum, { part }) => sum + part, rest) || 1n
    const earners = drawn.map(({ part, ...own }): Earner => ({
      ...own,
      payout_minor: (net_minor * part) / parts,
    }))
    const deal = { amount_minor, net_minor, currency, minor_per_unit: currencies[currency], model, earners }
    const reordered = earners
      .map((own, index) => ({ own, rank: ranks[index]! }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ own }) => own)
    return { deal, plan, reordered }
  })

interface CommissionCase {
  readonly deal: SplitDeal
  readonly plan: Plan
  readonly reordered: readonly Earner[]
}

/** Properties of every commission. Each function throws when its property does not hold. */
export const properties: Readonly<Record<string, (given: CommissionCase) => void>> = {
  'the lines add up to the commission': ({ deal, plan }) => {
    const { lines, commission_minor } = computeCommission(deal, plan)

    assert.equal(
      lines.reduce((sum, line) => sum + line.commission_minor, 0n),
      commission_minor,
    )
    assert.equal(lines.length, deal.earners.length)
  },

  'each commission is within one minor unit of its quota': ({ deal, plan }) => {
    for (const { commission_minor, quota } of computeCommission(deal, plan).lines) {
      const off = commission_minor * quota.denominator - quota.numerator
      assert.ok(off < quota.denominator && off > -quota.denominator)
    }
  },

  'rules, quotas and commissions are those of the oracle in fractions': ({ deal, plan }) => {
    const { lines } = computeCommission(deal, plan)

    const expected = payByFractions(deal, plan).map(
      ({ partner_id, place, quota: { n, d }, commission_minor }) =>
        [partner_id, place, d === 1n ? n : `${n}/${d}`, commission_minor].join(' '),
    )
    const found = lines
      .toSorted((a, b) => (a.partner_id < b.partner_id ? -1 : 1))
      .map((line) => [line.partner_id, line.place, quotaText(line), line.commission_minor].join(' '))
    assert.deepEqual(found, expected)
  },

  'the order of the partners has no effect': ({ deal, plan, reordered }) => {
    assert.deepEqual(computeCommission({ ...deal, earners: reordered }, plan), computeCommission(deal, plan))
  },

  'no commission exceeds the cap of its rule, and their sum not that of the deal': ({ deal, plan }) => {
    const { lines, commission_minor } = computeCommission(deal, plan)

    for (const line of lines) {
      if (line.rule?.cap) assert.ok(line.commission_minor <= line.rule.cap.amount_minor)
    }
    if (plan.cap_per_deal?.currency === deal.currency)
      assert.ok(commission_minor <= plan.cap_per_deal.amount_minor)
  },

  'a deal that was refunded in full owes nothing': ({ deal, plan }) => {
    const earners = deal.earners.map((earner) => ({ ...earner, payout_minor: 0n }))

    const { lines } = computeCommission({ ...deal, net_minor: 0n, earners }, plan)

    assert.ok(lines.every(({ commission_minor }) => commission_minor === 0n))
  },

  'a plan of 100 % owes the payouts': ({ deal }) => {
    const full = { rules: [{ when: {}, rate: 1_000_000n }], cap_per_deal: null }

    const { lines } = computeCommission(deal, full)

    const payouts = new Map(deal.earners.map(({ partner_id, payout_minor }) => [partner_id, payout_minor]))
    for (const { partner_id, commission_minor } of lines)
      assert.equal(commission_minor, payouts.get(partner_id))
  },
}

import t from 'tap'
import { computeCommission } from '../../src/commission/commission.ts'
import type { Plan, SplitDeal } from '../../src/commission/plan.ts'
import { givenDeal, givenPlan, givenRate } from './fixtures.ts'

function paidBy(deal: SplitDeal, plan: Plan) {
  const { lines } = computeCommission(deal, plan)
  return lines.map(({ partner_id, commission_minor }) => [partner_id, commission_minor])
}

function oddUnitsOf(payouts: Readonly<Record<string, bigint>>, percent: number) {
  const { lines } = computeCommission(givenDeal(payouts), givenPlan(givenRate(percent)))
  return lines
    .filter(({ odd_unit }) => odd_unit !== null)
    .map(({ partner_id, odd_unit }) => [partner_id, odd_unit])
}

t.test('computeCommission pays a rate of each payout', async (t) => {
  const deal = givenDeal({ p1: 4_000_000n, p2: 1_000_000n })

  t.strictSame(paidBy(deal, givenPlan(givenRate(12))), [
    ['p1', 480_000n],
    ['p2', 120_000n],
  ])
})

t.test('computeCommission rounds the sum once and gives odd units to the largest remainders', async (t) => {
  const thirds = givenDeal({ a: 3334n, b: 3333n, c: 3333n })
  const three = givenDeal({ p1: 36n, p2: 24n, p3: 42n })
  const rates = givenPlan(
    givenRate(16, { partner_ids: new Set(['p1']) }),
    givenRate(13, { partner_ids: new Set(['p2']) }),
    givenRate(18),
  )

  t.strictSame(paidBy(thirds, givenPlan(givenRate(10))), [
    ['a', 334n],
    ['b', 333n],
    ['c', 333n],
  ])
  t.strictSame(paidBy(three, rates), [
    ['p3', 7n],
    ['p1', 6n],
    ['p2', 3n],
  ])
})

t.test('computeCommission names the rule that assigned each odd unit', async (t) => {
  t.strictSame(oddUnitsOf({ a: 300n, b: 100n }, 1), [])
  t.strictSame(oddUnitsOf({ a: 3334n, b: 3333n, c: 3333n }, 10), [['a', 'largest remainder']])
  t.strictSame(oddUnitsOf({ a: 50n, b: 150n }, 1), [['b', 'higher payout']])
  t.strictSame(oddUnitsOf({ b: 50n, a: 50n }, 1), [['a', 'lower partner id']])
  t.strictSame(oddUnitsOf({ a: 50n }, 1), [['a', 'largest remainder']])
})

t.test('computeCommission limits a partner by the cap of its rule', async (t) => {
  const cap = { amount_minor: 500_000n, currency: 'USD' }
  const { lines, is_cut } = computeCommission(
    givenDeal({ a: 7_000_000n, b: 3_000_000n }),
    givenPlan({ ...givenRate(10), cap }),
  )

  t.strictSame(
    lines.map(({ partner_id, commission_minor, is_capped }) => [partner_id, commission_minor, is_capped]),
    [
      ['a', 500_000n, true],
      ['b', 300_000n, false],
    ],
  )
  t.equal(is_cut, false)
})

t.test('computeCommission cuts all partners in proportion to the cap of the deal', async (t) => {
  const cap_per_deal = { amount_minor: 100_001n, currency: 'USD' }
  const deal = givenDeal({ a: 500_001n, b: 299_999n, c: 200_000n })
  const plan = { ...givenPlan(givenRate(33.3333)), cap_per_deal }
  const { commission_minor, is_cut } = computeCommission(deal, plan)

  t.strictSame([commission_minor, is_cut], [100_001n, true])
  t.strictSame(paidBy(deal, plan), [
    ['a', 50_001n],
    ['b', 30_000n],
    ['c', 20_000n],
  ])
  const other = computeCommission({ ...deal, currency: 'EUR' }, plan)
  t.strictSame([other.commission_minor, other.is_cut], [333_333n, false])
})

t.test('computeCommission reduces a flat amount by what was refunded', async (t) => {
  const flat = { amount_minor: 5000n, currency: 'USD' }
  const plan = givenPlan({ when: {}, flat })

  t.strictSame(paidBy(givenDeal({ a: 3333n }, { amount_minor: 10_000n }), plan), [['a', 1667n]])
  t.strictSame(paidBy(givenDeal({ a: 0n }, { amount_minor: 10_000n }), plan), [['a', 0n]])
})

t.test('computeCommission pays a flat amount to a partner whose payout is 0', async (t) => {
  const flat = { amount_minor: 5000n, currency: 'USD' }

  t.strictSame(paidBy(givenDeal({ a: 10_000n, b: 0n }), givenPlan({ when: {}, flat })), [
    ['a', 5000n],
    ['b', 5000n],
  ])
})

t.test('computeCommission pays nothing without rules and nobody without partners', async (t) => {
  t.match(computeCommission(givenDeal({ a: 100n }), givenPlan()), {
    commission_minor: 0n,
    lines: [{ partner_id: 'a', place: null, rule: null, commission_minor: 0n }],
  })
  t.strictSame(computeCommission(givenDeal({}, { amount_minor: 100n, net_minor: 100n }), givenPlan()), {
    lines: [],
    commission_minor: 0n,
    is_cut: false,
  })
})

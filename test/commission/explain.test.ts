import t from 'tap'
import { computeCommission } from '../../src/commission/commission.ts'
import { commissionSentence, quotaText, rateText } from '../../src/commission/explain.ts'
import type { Plan, SplitDeal } from '../../src/commission/plan.ts'
import { givenDeal, givenPlan, givenRate } from './fixtures.ts'

const dollars = (amount_minor: bigint) => ({ amount_minor, currency: 'USD' })

function sentencesOf(deal: SplitDeal, plan: Plan): readonly string[] {
  const commission = computeCommission(deal, plan)
  const context = {
    deal,
    commission,
    cap_per_deal: plan.cap_per_deal,
    format: (minor: bigint) => `$${minor}`,
  }
  return commission.lines.map((line) =>
    commissionSentence(line, { ...context, name: line.partner_id.toUpperCase() }),
  )
}

function quotasOf(payout: bigint, percent: number): readonly string[] {
  return computeCommission(givenDeal({ a: payout }), givenPlan(givenRate(percent))).lines.map(quotaText)
}

t.test('quotaText writes the exact quota in its lowest terms', async (t) => {
  t.strictSame(quotasOf(4_000_000n, 12), ['480000'])
  t.strictSame(quotasOf(3_529_412n, 12), ['10588236/25'])
  t.strictSame(quotasOf(5001n, 0.0001), ['5001/1000000'])
  t.strictSame(quotasOf(0n, 12), ['0'])
})

t.test('rateText writes a rate as a percentage', async (t) => {
  t.strictSame([0n, 1n, 125_000n, 999_999n, 1_000_000n].map(rateText), [
    '0',
    '0.0001',
    '12.5',
    '99.9999',
    '100',
  ])
})

t.test('commissionSentence names rate, payout, rule and odd unit', async (t) => {
  const rules = [givenRate(20, { partner_ids: new Set(['c']) }), givenRate(10)]

  t.strictSame(sentencesOf(givenDeal({ a: 3334n, b: 3333n, c: 0n }), givenPlan(...rules)), [
    'A earns $334: 10 % of the payout of $3334 (rule 2), with one minor unit from rounding (largest remainder).',
    'B earns $333: 10 % of the payout of $3333 (rule 2).',
    'C earns $0: 20 % of the payout of $0 (rule 1).',
  ])
})

t.test('commissionSentence names what reduced a commission', async (t) => {
  const capped = { ...givenRate(10), cap: dollars(50n) }
  const cut = { ...givenPlan(capped), cap_per_deal: dollars(40n) }
  const flat = givenPlan({ when: {}, flat: dollars(50n) })

  t.strictSame(sentencesOf(givenDeal({ a: 1000n }), cut), [
    'A earns $40: 10 % of the payout of $1000 (rule 1), at most the cap of $50, cut in proportion to the cap of $40 for the whole deal.',
  ])
  t.strictSame(sentencesOf(givenDeal({ a: 1000n }), flat), ['A earns $50: the flat amount of $50 (rule 1).'])
  t.strictSame(sentencesOf(givenDeal({ a: 500n }, { amount_minor: 1000n }), flat), [
    'A earns $25: the flat amount of $50 (rule 1) times the net amount of $500 divided by the amount of $1000.',
  ])
})

t.test('commissionSentence says that no rule fits', async (t) => {
  t.strictSame(sentencesOf(givenDeal({ a: 1000n }), givenPlan()), ['A earns $0: no rule of the plan fits.'])
})

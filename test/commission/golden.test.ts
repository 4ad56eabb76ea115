import { readFileSync } from 'node:fs'
import t from 'tap'
import { computeCommission } from '../../src/commission/commission.ts'
import { quotaText } from '../../src/commission/explain.ts'
import type { Conditions, Plan, PlanMoney, Rule, SplitDeal } from '../../src/commission/plan.ts'

interface GoldenMoney {
  readonly amount: number
  readonly currency: string
}

interface GoldenRule {
  readonly when?: {
    readonly partner_ids?: readonly string[]
    readonly groups?: readonly string[]
    readonly touchpoint_types?: readonly string[]
    readonly currencies?: readonly string[]
    readonly models?: readonly string[]
    readonly amount_at_least?: number
    readonly amount_below?: number
  }
  readonly rate?: string
  readonly flat?: GoldenMoney
  readonly cap?: GoldenMoney
}

interface GoldenCase {
  readonly name: string
  readonly deal: Readonly<Record<'amount_minor' | 'net_minor' | 'currency' | 'model', string>>
  readonly partners: readonly {
    readonly partner_id: string
    readonly payout_minor: string
    readonly group: string | null
    readonly types: readonly string[]
  }[]
  readonly plan: { readonly rules: readonly GoldenRule[]; readonly cap_per_deal?: GoldenMoney }
  readonly expect: {
    readonly total_minor: string
    readonly lines: readonly {
      readonly partner_id: string
      readonly rule: number | null
      readonly quota: string
      readonly commission_minor: string
    }[]
  }
}

const decimals: Readonly<Record<string, number>> = { USD: 2, EUR: 2, JPY: 0, KWD: 3 }
const minorPerUnit = (currency: string) => 10n ** BigInt(decimals[currency]!)
// Exact: the amounts of the cases have at most 4 decimals and 15 digits.
const scaled = (amount: number, scale: bigint) => BigInt(Math.round(amount * Number(scale)))

function moneyOf({ amount, currency }: GoldenMoney): PlanMoney {
  return { amount_minor: scaled(amount, minorPerUnit(currency)), currency }
}

function conditionsOf({ amount_at_least, amount_below, ...lists }: GoldenRule['when'] = {}): Conditions {
  return {
    ...Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, new Set(values)])),
    ...(amount_at_least !== undefined && { amount_at_least: scaled(amount_at_least, 10_000n) }),
    ...(amount_below !== undefined && { amount_below: scaled(amount_below, 10_000n) }),
  }
}

function ruleOf({ when, rate, flat, cap }: GoldenRule): Rule {
  const own = { when: conditionsOf(when), ...(cap && { cap: moneyOf(cap) }) }
  return flat === undefined
    ? { ...own, rate: scaled(Number(rate), 10_000n) }
    : { ...own, flat: moneyOf(flat) }
}

function planOf({ rules, cap_per_deal: cap }: GoldenCase['plan']): Plan {
  return { rules: rules.map(ruleOf), cap_per_deal: cap === undefined ? null : moneyOf(cap) }
}

function dealOf({ deal, partners }: GoldenCase): SplitDeal {
  return {
    amount_minor: BigInt(deal.amount_minor),
    net_minor: BigInt(deal.net_minor),
    currency: deal.currency,
    minor_per_unit: minorPerUnit(deal.currency),
    model: deal.model,
    earners: partners.map(({ partner_id, payout_minor, group, types }) => ({
      partner_id,
      payout_minor: BigInt(payout_minor),
      group,
      touchpoint_types: types,
    })),
  }
}

t.test('computeCommission pays the 105 golden cases as expected', async (t) => {
  const file = new URL('../golden/commission.json', import.meta.url)
  const cases = JSON.parse(readFileSync(file, 'utf8')) as readonly GoldenCase[]
  t.equal(cases.length, 105)
  for (const golden of cases) {
    const { lines, commission_minor } = computeCommission(dealOf(golden), planOf(golden.plan))

    t.equal(String(commission_minor), golden.expect.total_minor, golden.name)
    const found = lines.map((line) => {
      const quota = quotaText(line)
      return [
        line.partner_id,
        {
          partner_id: line.partner_id,
          rule: line.place,
          quota: quota.includes('/') ? quota : `${quota}/1`,
          commission_minor: String(line.commission_minor),
        },
      ]
    })
    const expected = golden.expect.lines.map((line) => [line.partner_id, line])
    t.strictSame(Object.fromEntries(found), Object.fromEntries(expected), golden.name)
    t.equal(found.length, expected.length, golden.name)
  }
})

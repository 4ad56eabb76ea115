import type { Commission, CommissionLine } from './commission.ts'
import type { PlanMoney, SplitDeal } from './plan.ts'

/** The exact amount as a fraction of minor units in its lowest terms: `10588236/25`, or `480000` for a whole one. */
export function quotaText({ quota: { numerator, denominator } }: Pick<CommissionLine, 'quota'>): string {
  const divisor = greatestDivisor(numerator, denominator)
  return divisor === denominator
    ? String(numerator / denominator)
    : `${numerator / divisor}/${denominator / divisor}`
}

/** A rate as a percentage: `12.5`. */
export function rateText(rate: bigint): string {
  const fraction = String(10_000n + (rate % 10_000n))
    .slice(1)
    .replace(/0+$/, '')
  return `${rate / 10_000n}${fraction === '' ? '' : `.${fraction}`}`
}

interface Sentence {
  readonly name: string
  readonly deal: SplitDeal
  readonly commission: Pick<Commission, 'is_cut'>
  readonly cap_per_deal: PlanMoney | null
  /** Formats money of the deal's currency. */
  readonly format: (minor: bigint) => string
}

/** A sentence for the partner about its commission. */
export function commissionSentence(line: CommissionLine, context: Sentence): string {
  const { name, format } = context
  const amount = format(line.commission_minor)
  if (line.rule === null) return `${name} earns ${amount}: no rule of the plan fits.`
  const parts = [basisOf(line, context), ...limitsOf(line, context), ...roundingOf(line)]
  return `${name} earns ${amount}: ${parts.join(', ')}.`
}

function basisOf({ rule, place, partner_id }: CommissionLine, { deal, format }: Sentence): string {
  const label = `(rule ${Number(place) + 1})`
  if (rule === null) return ''
  if ('rate' in rule) {
    const { payout_minor } = deal.earners.find((earner) => earner.partner_id === partner_id)!
    return `${rateText(rule.rate)} % of the payout of ${format(payout_minor)} ${label}`
  }
  const flat = `the flat amount of ${format(rule.flat.amount_minor)} ${label}`
  if (deal.net_minor === deal.amount_minor) return flat
  return `${flat} times the net amount of ${format(deal.net_minor)} divided by the amount of ${format(deal.amount_minor)}`
}

function limitsOf(
  { rule, is_capped }: CommissionLine,
  { commission, cap_per_deal, format }: Sentence,
): string[] {
  const own = rule?.cap
  return [
    ...(is_capped && own ? [`at most the cap of ${format(own.amount_minor)}`] : []),
    ...(commission.is_cut && cap_per_deal
      ? [`cut in proportion to the cap of ${format(cap_per_deal.amount_minor)} for the whole deal`]
      : []),
  ]
}

function roundingOf({ odd_unit }: CommissionLine): string[] {
  return odd_unit === null ? [] : [`with one minor unit from rounding (${odd_unit})`]
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestDivisor(b, a % b)
}

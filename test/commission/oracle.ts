import type { Earner, Plan, PlanMoney, Rule, SplitDeal } from '../../src/commission/plan.ts'

/** A fraction of minor units in its lowest terms; the denominator is above 0. */
interface Fraction {
  readonly n: bigint
  readonly d: bigint
}

interface Owed {
  readonly partner_id: string
  readonly place: number | null
  readonly quota: Fraction
  readonly commission_minor: bigint
}

/** A slow reference implementation of the commission rules (SPEC §8) in fractions. Returns the partners by id. */
export function payByFractions(deal: SplitDeal, plan: Plan): readonly Owed[] {
  const full = deal.earners.map((earner) => {
    const place = plan.rules.findIndex((rule) => fits(rule, deal, earner))
    return { earner, place, quota: place === -1 ? zero : quotaOf(plan.rules[place]!, deal, earner) }
  })
  const quotas = cut(full, deal, plan.cap_per_deal)
  const sum = quotas.reduce((total, { quota }) => add(total, quota), zero)
  let left = floor(add(sum, fraction(1n, 2n))) - quotas.reduce((total, { quota }) => total + floor(quota), 0n)
  const ranked = quotas.toSorted(
    (a, b) =>
      sign(subtract(rest(b.quota), rest(a.quota))) ||
      Number(b.earner.payout_minor - a.earner.payout_minor) ||
      (a.earner.partner_id < b.earner.partner_id ? -1 : 1),
  )
  return ranked
    .map(({ earner: { partner_id }, place, quota }): Owed => {
      const odd = left > 0n ? 1n : 0n
      left -= odd
      return { partner_id, place: place === -1 ? null : place, quota, commission_minor: floor(quota) + odd }
    })
    .sort((a, b) => (a.partner_id < b.partner_id ? -1 : 1))
}

function fits(rule: Rule, deal: SplitDeal, earner: Earner): boolean {
  const { when, cap } = rule
  const units = fraction(deal.amount_minor, deal.minor_per_unit)
  const claims = [
    cap === undefined || cap.currency === deal.currency,
    !('flat' in rule) || rule.flat.currency === deal.currency,
    when.partner_ids?.has(earner.partner_id) ?? true,
    when.groups?.has(earner.group ?? '') ?? true,
    when.touchpoint_types === undefined ||
      [...when.touchpoint_types].some((type) => earner.touchpoint_types.includes(type)),
    when.currencies?.has(deal.currency) ?? true,
    when.models?.has(deal.model) ?? true,
    when.amount_at_least === undefined || sign(subtract(units, fraction(when.amount_at_least, 10_000n))) >= 0,
    when.amount_below === undefined || sign(subtract(units, fraction(when.amount_below, 10_000n))) < 0,
  ]
  return claims.every(Boolean)
}

function quotaOf(rule: Rule, deal: SplitDeal, { payout_minor }: Earner): Fraction {
  const full =
    'flat' in rule
      ? fraction(rule.flat.amount_minor * deal.net_minor, deal.amount_minor)
      : fraction(rule.rate * payout_minor, 1_000_000n)
  const cap = rule.cap && fraction(rule.cap.amount_minor, 1n)
  return cap !== undefined && sign(subtract(full, cap)) > 0 ? cap : full
}

function cut<Line extends { readonly quota: Fraction }>(
  lines: readonly Line[],
  { currency }: SplitDeal,
  cap: PlanMoney | null,
): readonly Line[] {
  if (cap === null || cap.currency !== currency) return lines
  const { n, d } = lines.reduce((total, { quota }) => add(total, quota), zero)
  if (n <= cap.amount_minor * d) return lines
  return lines.map((line) => ({
    ...line,
    quota: fraction(line.quota.n * cap.amount_minor * d, line.quota.d * n),
  }))
}

const zero: Fraction = { n: 0n, d: 1n }

function fraction(n: bigint, d: bigint): Fraction {
  const divisor = greatestDivisor(n < 0n ? -n : n, d)
  return { n: n / divisor, d: d / divisor }
}

function add(a: Fraction, b: Fraction): Fraction {
  return fraction(a.n * b.d + b.n * a.d, a.d * b.d)
}

function subtract(a: Fraction, b: Fraction): Fraction {
  return add(a, { n: -b.n, d: b.d })
}

function floor({ n, d }: Fraction): bigint {
  return n / d
}

function rest({ n, d }: Fraction): Fraction {
  return fraction(n % d, d)
}

function sign({ n }: Fraction): number {
  if (n === 0n) return 0
  return n < 0n ? -1 : 1
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestDivisor(b, a % b)
}

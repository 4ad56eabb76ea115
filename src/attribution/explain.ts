import { assignUnits, listLeftoverUnits } from './allocate.ts'
import type { PartnerShare } from './attribute.ts'
import { qualify, type ExclusionReason, type Journey } from './journey.ts'
import type { Touch } from './touch.ts'
import { models, weigh, type ModelName, type Weighing } from './models.ts'
import { divideAmong, scorePartners, withRest } from './partner-scores.ts'

type TouchBase = Pick<Touch, 'id' | 'partner_id' | 'touchpoint_type' | 'at'>

/** A touch's part of its partner's percentage and payout; the parts of a partner's touches add up to both. */
interface Part {
  readonly share_bp: number
  readonly payout_minor: bigint
}

interface Weight {
  /** The exact weight, not relative to the others: `7/20`, or `2^(-3/7)` at an age of 3/7 half-lives. */
  readonly weight: string
  readonly age_ms: number | null
  readonly half_life_ms: number | null
}

export interface ExplainedTouch extends TouchBase, Weight, Part {}

interface ExcludedTouch extends TouchBase {
  readonly reason: ExclusionReason
}

export const leftoverRules = [
  'largest remainder',
  'earliest first touch',
  'lower partner id',
  'partner before unattributed',
] as const

/** A leftover minor unit: the partner that got it, and the rule that decided. */
export interface ExplainedLeftover {
  /** Null: it stays unattributed. */
  readonly partner_id: string | null
  readonly rule: (typeof leftoverRules)[number]
}

export interface ExplainedTouches {
  readonly touches: readonly ExplainedTouch[]
  readonly excluded: readonly ExcludedTouch[]
}

/** Each touch's part of the journey's shares, and the touches that do not qualify. */
export function explainTouches(journey: Journey, shares: readonly PartnerShare[]): ExplainedTouches {
  const { qualifying, excluded } = qualify(journey)
  const weighing = weigh(journey, qualifying)
  const weights = weightsOf(qualifying, weighing)
  const parts = partsOf(shares, qualifying, weighing)
  return {
    touches: qualifying.map((touch, index) => ({
      ...baseOf(touch),
      ...weights[index]!,
      ...(parts.get(touch) ?? { share_bp: 0, payout_minor: 0n }),
    })),
    excluded: excluded.map(({ touch, reason }) => ({ ...baseOf(touch), reason })),
  }
}

/** Who got the minor units that are left after every partner's whole units. */
export function explainLeftovers(journey: Journey): readonly ExplainedLeftover[] {
  const { qualifying } = qualify(journey)
  const weighing = weigh(journey, qualifying)
  const partners = scorePartners(qualifying, weighing)
  if (partners.length === 0) return []
  const quotas = divideAmong(withRest(partners, weighing), weighing.halfLife)(journey.amount_minor)
  return listLeftoverUnits(quotas).map(({ holder, tied }) => {
    const partner_id = partners[holder]?.partner_id ?? null
    if (tied === undefined) return { partner_id, rule: 'largest remainder' }
    if (partners[tied] === undefined) return { partner_id, rule: 'partner before unattributed' }
    if (weighing.agreed !== undefined) return { partner_id, rule: 'lower partner id' }
    const isEarlier = partners[holder]!.touches[0]!.at < partners[tied].touches[0]!.at
    return { partner_id, rule: isEarlier ? 'earliest first touch' : 'lower partner id' }
  })
}

/** A sentence for the partner about its share; `payout` and `amount` are formatted money. */
export function sentence(
  share: PartnerShare,
  { model, name, payout, amount }: { model: ModelName; name: string; payout: string; amount: string },
): string {
  const percentage = (share.percentage_bp / 100).toFixed(2)
  const { rule } = models[model]
  return `${name} earns ${payout}, ${percentage} % of ${amount}${causeOf(share)}: ${rule}.`
}

function causeOf({ touchpoints, role }: PartnerShare): string {
  if (touchpoints === 0) return ''
  return `, for ${touchpoints === 1 ? '1 touchpoint' : `${touchpoints} touchpoints`} (${role})`
}

function weightsOf(
  touches: readonly Touch[],
  { weights, unit, halfLife, once }: Weighing,
): readonly Weight[] {
  const last = touches.at(-1)?.at ?? 0
  const byPartner = Map.groupBy(touches, ({ partner_id }) => partner_id)
  return touches.map(({ partner_id, at }, index) => {
    const age = last - at
    if (halfLife !== undefined) {
      const weight = age === 0 ? '1' : `2^(-${ratio(age, halfLife)})`
      return { weight, age_ms: age, half_life_ms: halfLife }
    }
    const sharers = once === true ? byPartner.get(partner_id)!.length : 1
    return { weight: ratio(weights[index]!, unit * sharers), age_ms: null, half_life_ms: null }
  })
}

/** Splits each partner's share once more, among its touches. */
function partsOf(
  shares: readonly PartnerShare[],
  touches: readonly Touch[],
  weighing: Weighing,
): ReadonlyMap<Touch, Part> {
  const { weights, halfLife } = weighing
  const byPartner = new Map(shares.map((share) => [share.partner_id, share]))
  const scores = new Map(touches.map((touch, index) => [touch, weights[index]!]))
  const parts = new Map<Touch, Part>()
  for (const { partner_id, touches: own } of scorePartners(touches, weighing)) {
    const { payout_minor, percentage_bp } = byPartner.get(partner_id)!
    const holders = own.map((touch) => ({ touches: [touch], score: scores.get(touch)! }))
    const quotasOf = divideAmong(holders, halfLife)
    const payouts = assignUnits(quotasOf(payout_minor))
    const percentages = assignUnits(quotasOf(BigInt(percentage_bp)))
    for (const [index, touch] of own.entries()) {
      parts.set(touch, { share_bp: Number(percentages[index]), payout_minor: BigInt(payouts[index]!) })
    }
  }
  return parts
}

function baseOf({ id, partner_id, touchpoint_type, at }: Touch): TouchBase {
  return { id, partner_id, touchpoint_type, at }
}

function ratio(part: number, whole: number): string {
  const divisor = greatestDivisor(part, whole)
  return whole === divisor ? `${part / divisor}` : `${part / divisor}/${whole / divisor}`
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}

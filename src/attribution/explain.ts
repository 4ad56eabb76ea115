import { oddUnits, settle } from './allocate.ts'
import type { Share } from './attribute.ts'
import { qualify, type ExclusionReason, type Journey } from './journey.ts'
import type { Touch } from './touch.ts'
import { models, weigh, type ModelName, type Weighing } from './models.ts'
import { divider, gather } from './partner-scores.ts'

type Facts = Pick<Touch, 'id' | 'partner_id' | 'touchpoint_type' | 'at'>

/** A touch's part of its partner's percentage and payout: over the partner's touches they add up. */
interface Part {
  readonly share_bp: number
  readonly payout_minor: bigint
}

interface Weight {
  /** Exact, before it is set against the others: `7/20`, or `2^(-3/7)` at an age of 3/7 half-lives. */
  readonly weight: string
  readonly age_ms: number | null
  readonly half_life_ms: number | null
}

export interface ExplainedTouch extends Facts, Weight, Part {}

export interface ExcludedTouch extends Facts {
  readonly reason: ExclusionReason
}

export type OddRule = 'largest remainder' | 'earliest first touch' | 'lower partner id'

/** A minor unit that a partner got beyond its exact share, and the rule that gave it. */
export interface OddUnit {
  readonly partner_id: string
  readonly rule: OddRule
}

export interface ExplainedTouches {
  readonly touches: readonly ExplainedTouch[]
  readonly excluded: readonly ExcludedTouch[]
}

/** Each touch's part of the shares that the journey was split into, and the touches that have none. */
export function explainTouches(journey: Journey, shares: readonly Share[]): ExplainedTouches {
  const { qualifying, excluded } = qualify(journey)
  const weighing = weigh(journey.model, qualifying, journey.parameters)
  const weights = weightsOf(qualifying, weighing)
  const parts = partsOf(shares, qualifying, weighing)
  return {
    touches: qualifying.map((touch, index) => ({
      ...factsOf(touch),
      ...weights[index]!,
      ...(parts.get(touch) ?? { share_bp: 0, payout_minor: 0n }),
    })),
    excluded: excluded.map(({ touch, reason }) => ({ ...factsOf(touch), reason })),
  }
}

/** Who got the minor units that the exact shares leave over. */
export function explainOddUnits(journey: Journey): readonly OddUnit[] {
  const { qualifying } = qualify(journey)
  const weighing = weigh(journey.model, qualifying, journey.parameters)
  const stakes = gather(qualifying, weighing)
  if (stakes.length === 0) return []
  return oddUnits(divider(stakes, weighing.halfLife)(journey.amount_minor)).map(({ holder, tied }) => {
    const { partner_id, touches } = stakes[holder]!
    if (tied === undefined) return { partner_id, rule: 'largest remainder' }
    const isEarlier = touches[0]!.at < stakes[tied]!.touches[0]!.at
    return { partner_id, rule: isEarlier ? 'earliest first touch' : 'lower partner id' }
  })
}

/** What a partner manager can send to a partner; money and names come as they should read. */
export function sentence(
  share: Share,
  { model, name, payout, amount }: { model: ModelName; name: string; payout: string; amount: string },
): string {
  const percentage = (share.percentage_bp / 100).toFixed(2)
  const touchpoints = share.touchpoints === 1 ? '1 touchpoint' : `${share.touchpoints} touchpoints`
  const { rule } = models[model]
  return `${name} earns ${payout}, ${percentage} % of ${amount}, for ${touchpoints} (${share.role}): ${rule}.`
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

/** Each partner's part, split once more among its touches. */
function partsOf(
  shares: readonly Share[],
  touches: readonly Touch[],
  weighing: Weighing,
): ReadonlyMap<Touch, Part> {
  const { weights, halfLife } = weighing
  const byPartner = new Map(shares.map((share) => [share.partner_id, share]))
  const scores = new Map(touches.map((touch, index) => [touch, weights[index]!]))
  const parts = new Map<Touch, Part>()
  for (const { partner_id, touches: own } of gather(touches, weighing)) {
    const { payout_minor, percentage_bp } = byPartner.get(partner_id)!
    const holders = own.map((touch) => ({ touches: [touch], score: scores.get(touch)! }))
    const dueOf = divider(holders, halfLife)
    const payouts = settle(dueOf(payout_minor))
    const percentages = settle(dueOf(BigInt(percentage_bp)))
    for (const [index, touch] of own.entries()) {
      parts.set(touch, { share_bp: Number(percentages[index]), payout_minor: BigInt(payouts[index]!) })
    }
  }
  return parts
}

function factsOf({ id, partner_id, touchpoint_type, at }: Touch): Facts {
  return { id, partner_id, touchpoint_type, at }
}

function ratio(part: number, whole: number): string {
  const divisor = greatestDivisor(part, whole)
  return whole === divisor ? `${part / divisor}` : `${part / divisor}/${whole / divisor}`
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}

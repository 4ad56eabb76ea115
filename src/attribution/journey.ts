import { resolveParameters, type ModelName, type Parameters } from './models.ts'
import type { Touch } from './touch.ts'

/** Everything a split depends on. Touches are in any order and include those that do not qualify. */
export interface Journey {
  readonly amount_minor: bigint
  readonly currency: string
  /** Milliseconds since the epoch. */
  readonly closed_at: number
  /** The close is a date without a time: touches qualify until the end of that day. */
  readonly closed_all_day: boolean
  readonly is_void: boolean
  readonly model: ModelName
  readonly parameters: Parameters
  readonly touches: readonly Touch[]
}

export const exclusionReasons = ['voided', 'deal_voided', 'after_close', 'before_lookback'] as const

export type ExclusionReason = (typeof exclusionReasons)[number]

export interface Exclusion {
  readonly touch: Touch
  readonly reason: ExclusionReason
}

const minute = 60_000
const day = 86_400_000

/** The touches that count, in the canonical order (instant, then id by code point), and why the others do not. */
export function qualify(journey: Journey): {
  readonly qualifying: readonly Touch[]
  readonly excluded: readonly Exclusion[]
} {
  const { closed_at, closed_all_day, is_void, parameters, touches } = journey
  const { close_grace_minutes, lookback_days } = parameters
  const last = (closed_all_day ? closed_at + day - 1 : closed_at) + close_grace_minutes * minute
  const first = lookback_days === null ? -Infinity : closed_at - lookback_days * day
  const qualifying: Touch[] = []
  const excluded: Exclusion[] = []
  for (const touch of touches) {
    if (touch.is_void === true) excluded.push({ touch, reason: 'voided' })
    else if (is_void) excluded.push({ touch, reason: 'deal_voided' })
    else if (touch.at > last) excluded.push({ touch, reason: 'after_close' })
    else if (touch.at < first) excluded.push({ touch, reason: 'before_lookback' })
    else qualifying.push(touch)
  }
  qualifying.sort(canonical)
  excluded.sort((a, b) => canonical(a.touch, b.touch))
  return { qualifying, excluded }
}

/** A text of exactly what a split reads: journeys with the same fingerprint have the same split. */
export function fingerprint(journey: Journey): string {
  const { amount_minor, currency, closed_at, closed_all_day, is_void, model, parameters } = journey
  const close = `${closed_at}${closed_all_day ? ' all-day' : ''}${is_void ? ' void' : ''}`
  const resolved = JSON.stringify(resolveParameters(model, parameters, parameters))
  let text = `${amount_minor} ${currency} ${close} ${model} ${resolved}`
  // Ids contain no space and no line break, so different lists of touches have different texts.
  for (const { id, partner_id, touchpoint_type, at } of qualify(journey).qualifying) {
    text += `\n${id} ${partner_id} ${touchpoint_type} ${at}`
  }
  return text
}

function canonical(a: Touch, b: Touch): number {
  return a.at - b.at || (a.id < b.id ? -1 : 1)
}

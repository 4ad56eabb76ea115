import { creditedParameters, isOnlyTouchAtZero, resolveParameters, type ModelRules } from './models.ts'
import type { Touch } from './touch.ts'

/** Everything a split depends on. Touches are in any order and include those that do not qualify. */
export interface Journey extends ModelRules {
  readonly amount_minor: bigint
  readonly currency: string
  /** Milliseconds since the epoch. */
  readonly closed_at: number
  /** The end of the day that the close stands for: touches qualify until then. Null: the close is an instant. */
  readonly closed_until: number | null
  readonly is_void: boolean
  readonly touches: readonly Touch[]
}

export const exclusionReasons = [
  'voided',
  'deal_voided',
  'after_close',
  'before_lookback',
  'partner_left',
] as const

export type ExclusionReason = (typeof exclusionReasons)[number]

interface Exclusion {
  readonly touch: Touch
  readonly reason: ExclusionReason
}

const minute = 60_000
const day = 86_400_000

/** The touches of a journey that count, in the canonical order (instant, then id by code point), and the others. */
export interface Qualification {
  readonly qualifying: readonly Touch[]
  readonly excluded: readonly Exclusion[]
}

/** Decides which touches count, and why the others do not. */
export function qualify(journey: Journey): Qualification {
  const { closed_at, closed_until, is_void, parameters, uncredited, touches } = journey
  const { close_grace_minutes, lookback_days } = parameters
  const last = (closed_until === null ? closed_at : closed_until - 1) + close_grace_minutes * minute
  const first = lookback_days === null ? -Infinity : closed_at - lookback_days * day
  const qualifying: Touch[] = []
  const excluded: Exclusion[] = []
  for (const touch of touches) {
    if (touch.is_void === true) excluded.push({ touch, reason: 'voided' })
    else if (is_void) excluded.push({ touch, reason: 'deal_voided' })
    else if (touch.at > last) excluded.push({ touch, reason: 'after_close' })
    else if (touch.at < first) excluded.push({ touch, reason: 'before_lookback' })
    else if (uncredited?.has(touch.partner_id) === true) excluded.push({ touch, reason: 'partner_left' })
    else qualifying.push(touch)
  }
  qualifying.sort(canonical)
  excluded.sort((a, b) => canonical(a.touch, b.touch))
  return { qualifying, excluded }
}

/** A text of exactly what a split reads: journeys with the same fingerprint have the same split. */
export function fingerprint(journey: Journey, { qualifying } = qualify(journey)): string {
  const { amount_minor, currency, closed_at, closed_until, is_void, model } = journey
  const parameters = creditedParameters(journey)
  const close = `${closed_at}${formatEnd(closed_at, closed_until)}${is_void ? ' void' : ''}`
  const resolved = JSON.stringify(resolveParameters(model, parameters, parameters))
  // Only the journeys that are split differently since 0.2.0 name the rule: all others keep the fingerprint they had.
  const isPaid = isOnlyTouchAtZero(journey, qualifying) && journey.only_touch_unpaid !== true
  let text = `${amount_minor} ${currency} ${close} ${model} ${resolved}${isPaid ? ' only touch paid' : ''}`
  for (const { id, partner_id, touchpoint_type, at } of qualifying) {
    text += `\n${toWord(id)} ${toWord(partner_id)} ${touchpoint_type} ${at}`
  }
  return text
}

// A word has no blank or stands in quotes, so different lists of touches have different texts.
function toWord(id: string): string {
  return id.includes(' ') || id.startsWith('"') ? JSON.stringify(id) : id
}

// A day of 24 hours has the text that earlier releases gave every day.
function formatEnd(closed_at: number, closed_until: number | null): string {
  if (closed_until === null) return ''
  return closed_until === closed_at + day ? ' all-day' : ` until ${closed_until}`
}

function canonical(a: Touch, b: Touch): number {
  return a.at - b.at || (a.id < b.id ? -1 : 1)
}

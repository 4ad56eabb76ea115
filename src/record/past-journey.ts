import { type Journey, qualify } from '../attribution/journey.ts'
import { type DealState, toJourney } from './journeys.ts'
import type { DatedTouchRow } from './schemas.ts'

interface Moment {
  readonly version: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/**
 * The journey of a version as it was known at an instant. A touchpoint in the deal's window is known and void from a version
 * on. Any other touchpoint makes no version, so it is known and void from the instants at which it was stored and voided.
 */
export function toPastJourney(
  state: DealState,
  touches: readonly DatedTouchRow[],
  { version, at }: Moment,
): Journey {
  const valid = touches.map((row) => ({ ...row, void_from: null }))
  const { qualifying } = qualify(toJourney(state, valid))
  const inWindow = new Set(qualifying.map(({ id }) => id))
  const since = (instant: string) => (Date.parse(instant) <= at ? version : Infinity)
  const known = touches.map((row) => {
    if (inWindow.has(row.id)) return row
    const { created_at, voided_at } = row
    return { ...row, known_from: since(created_at), void_from: voided_at === null ? null : since(voided_at) }
  })
  return toJourney(state, known, version)
}

import type { Journey } from '../attribution/journey.ts'
import type { VersionRow } from './schemas.ts'
import { fingerprintOf } from './journeys.ts'

/**
 * The journey of a stored version under the rules that held when it was recorded. Undefined if neither the current rules nor
 * those from before 0.2.0 give the fingerprint of the version: its inputs are not the ones that it read.
 */
export function underRulesOf(
  { fingerprint }: Pick<VersionRow, 'fingerprint'>,
  journey: Journey,
): Journey | undefined {
  if (fingerprintOf(journey).equals(fingerprint)) return journey
  const earlier = { ...journey, only_touch_unpaid: true }
  return fingerprintOf(earlier).equals(fingerprint) ? earlier : undefined
}

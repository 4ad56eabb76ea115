import { attribute } from '../../src/attribution/attribute.ts'
import { explainLeftovers, explainTouches } from '../../src/attribution/explain.ts'
import type { Journey } from '../../src/attribution/journey.ts'
import type { Touch } from '../../src/attribution/touch.ts'
import { resolveParameters, type GivenParameters, type ModelName } from '../../src/attribution/models.ts'

export const minute = 60_000
export const day = 86_400_000
export const close = Date.UTC(2025, 2, 31, 12)

/** A deal of 100.00 USD closed at noon on 31 March 2025, with default parameters unless others are given. */
export function givenJourney<M extends ModelName>(
  model: M,
  touches: readonly Touch[],
  {
    parameters = {},
    ...overrides
  }: Partial<Omit<Journey, 'parameters'>> & { parameters?: GivenParameters<M> } = {},
): Journey {
  const window = { close_grace_minutes: 60, lookback_days: null }
  return {
    amount_minor: 10_000n,
    currency: 'USD',
    closed_at: close,
    closed_until: null,
    is_void: false,
    model,
    parameters: resolveParameters<ModelName>(model, parameters, window),
    touches,
    ...overrides,
  }
}

let touches = 0

/** A touch `daysBefore` days before the close. Each call uses a higher id. */
export function givenTouch(partner_id: string, daysBefore: number, overrides: Partial<Touch> = {}): Touch {
  const id = `event-${String(touches++).padStart(6, '0')}`
  return { id, partner_id, touchpoint_type: 'other', at: close - Math.round(daysBefore * day), ...overrides }
}

/** The explanation of a journey's split. */
export function explain(journey: Journey) {
  return { ...explainTouches(journey, attribute(journey).shares), odd_units: explainLeftovers(journey) }
}

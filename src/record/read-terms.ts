import {
  type AttributionWindow,
  type GivenParameters,
  type ModelName,
  resolveParameters,
} from '../attribution/models.ts'
import { type Fault, invalid } from '../errors.ts'
import { type Instant, parseInstant, toTimestamp } from '../values/instants.ts'
import { exponentOf, formatMoney, largest, toMinor } from '../values/money.ts'
import type { DealTerms, ModelParameters, SentTerms } from './schemas.ts'

/** The currency and the window of a deal whose client sends none. */
export interface DealDefaults extends AttributionWindow {
  readonly currency: string
}

const futureMs = 24 * 3_600_000

/** Checks and converts the terms of a deal as a client sent them. Errors: 400 with every fault. */
export function readTerms(sent: SentTerms, defaults: DealDefaults): DealTerms {
  const { currency = defaults.currency, attribution_model } = sent
  const now = Date.now()
  const closed = sent.closed_date === undefined ? { at: now, isMidnight: false } : readClose(sent.closed_date)
  const faults = [
    ...faultsOfAmount(sent.amount, currency),
    ...faultsOfClose(closed, now),
    ...faultsOfParameters(attribution_model, sent.model_parameters ?? {}),
  ]
  if (faults.length > 0) throw invalid(faults)
  return {
    amount_minor: toMinor(sent.amount, exponentOf(currency)) as bigint,
    currency,
    closed_date: toTimestamp(closed.at),
    closed_all_day: closed.isMidnight,
    attribution_model,
    model_parameters: resolve(attribution_model, sent.model_parameters ?? {}, defaults),
  }
}

/** Errors: 400 for a parameter that the model does not have. */
export function checkParameters(model: ModelName, given: ModelParameters): void {
  const faults = faultsOfParameters(model, given)
  if (faults.length > 0) throw invalid(faults)
}

export function resolve(
  model: ModelName,
  given: ModelParameters,
  defaults: AttributionWindow,
): ModelParameters {
  return resolveParameters(model, given as GivenParameters<ModelName>, defaults)
}

function readClose(text: string): Instant {
  return parseInstant(text) as Instant
}

function faultsOfAmount(amount: number, currency: string): Fault[] {
  const exponent = exponentOf(currency)
  if (toMinor(amount, exponent) !== undefined) return []
  const decimals = exponent === 0 ? 'no decimals' : `at most ${exponent} decimals`
  const detail = `An amount in ${currency} has ${decimals}, is above 0 and at most ${formatMoney(largest, currency)}.`
  return [{ pointer: '/amount', detail }]
}

function faultsOfClose({ at }: Instant, now: number): Fault[] {
  if (at <= now + futureMs) return []
  return [{ pointer: '/closed_date', detail: 'The instant is more than 24 hours in the future.' }]
}

// A parameter of another model would be stored and never used, so it is refused.
function faultsOfParameters(model: ModelName, given: ModelParameters): Fault[] {
  const known = resolveParameters(model, {}, { close_grace_minutes: 0, lookback_days: null })
  return listUnknown(given, known).map((path) => ({
    pointer: `/model_parameters/${path.join('/')}`,
    detail: `The model ${model} has no parameter ${path.at(-1)}.`,
  }))
}

/** The paths of the properties of `given` that `known` does not have. */
function listUnknown(given: object, known: object): string[][] {
  return Object.entries(given).flatMap(([name, value]): string[][] => {
    if (!Object.hasOwn(known, name)) return [[name]]
    const inner: unknown = Reflect.get(known, name)
    const isGroup = typeof value === 'object' && typeof inner === 'object' && value !== null && inner !== null
    return isGroup ? listUnknown(value, inner).map((path) => [name, ...path]) : []
  })
}

import {
  type GivenParameters,
  type ModelName,
  resolveParameters,
  type Window,
} from '../attribution/models.ts'
import { type Fault, invalid } from '../errors.ts'
import { type Instant, parseInstant, toTimestamp } from '../values/instants.ts'
import { exponentOf, toMinor } from '../values/money.ts'
import type { Facts, ModelParameters, SentFacts } from './schemas.ts'

/** What a deal takes where its client says nothing. */
export interface DealDefaults extends Window {
  readonly currency: string
}

const aheadMs = 24 * 3_600_000

/** Reads the facts of a deal as sent; all faults are reported with their pointers. Errors: 400. */
export function readFacts(sent: SentFacts, defaults: DealDefaults): Facts {
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
    amount_minor: toMinor(sent.amount, exponentOf(currency) as number) as bigint,
    currency,
    closed_date: toTimestamp(closed.at),
    closed_all_day: closed.isMidnight,
    attribution_model,
    model_parameters: resolve(attribution_model, sent.model_parameters ?? {}, defaults),
  }
}

/** Errors: 400 where the model has no such parameter. */
export function checkParameters(model: ModelName, given: ModelParameters): void {
  const faults = faultsOfParameters(model, given)
  if (faults.length > 0) throw invalid(faults)
}

export function resolve(model: ModelName, given: ModelParameters, defaults: Window): ModelParameters {
  return resolveParameters(model, given as GivenParameters<ModelName>, defaults)
}

function readClose(text: string): Instant {
  return parseInstant(text) as Instant
}

function faultsOfAmount(amount: number, currency: string): Fault[] {
  const exponent = exponentOf(currency)
  if (exponent === undefined)
    return [{ pointer: '/currency', detail: `${currency} is no ISO 4217 currency.` }]
  if (toMinor(amount, exponent) !== undefined) return []
  const detail = `An amount in ${currency} has at most ${exponent} decimals, is above 0 and below 10^15 minor units.`
  return [{ pointer: '/amount', detail }]
}

function faultsOfClose({ at }: Instant, now: number): Fault[] {
  if (at <= now + aheadMs) return []
  return [{ pointer: '/closed_date', detail: 'The closed_date is more than 24 hours ahead.' }]
}

// A parameter of another model would be stored and never read: a mistake worth telling.
function faultsOfParameters(model: ModelName, given: ModelParameters): Fault[] {
  const known = resolveParameters(model, {}, { close_grace_minutes: 0, lookback_days: null })
  return faultsOfNames(model, given, known, '/model_parameters')
}

function faultsOfNames(model: ModelName, given: object, known: object, pointer: string): Fault[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const at = `${pointer}/${name}`
    if (!Object.hasOwn(known, name))
      return [{ pointer: at, detail: `The model ${model} has no parameter ${name}.` }]
    const inner: unknown = Reflect.get(known, name)
    const isGroup = typeof value === 'object' && typeof inner === 'object' && value !== null && inner !== null
    return isGroup ? faultsOfNames(model, value, inner, at) : []
  })
}

import { hundredPercent, sumAgreement } from '../attribution/agreement.ts'
import {
  type AttributionWindow,
  type GivenParameters,
  type ModelName,
  resolveParameters,
} from '../attribution/models.ts'
import { type Fault, invalid } from '../errors.ts'
import type { Calendar } from '../values/calendar.ts'
import { exponentOf, formatMoney, largest, toMinor } from '../values/money.ts'
import { readClose } from './read-close.ts'
import type { DealTerms } from './schemas.ts'
import type { ModelParameters, SentTerms } from './terms-schemas.ts'

/** The currency and the window of a deal whose client sends none, and the calendar of its days. */
export interface DealDefaults extends AttributionWindow {
  readonly currency: string
  readonly calendar: Calendar
}

/** What a client sent, converted, or its faults. */
export type Read<Value> = { readonly value: Value } | { readonly faults: readonly Fault[] }

/** Checks and converts the terms of a deal as a client sent them. Errors: 400 with every fault. */
export function readTerms(sent: SentTerms, defaults: DealDefaults): DealTerms {
  const { currency = defaults.currency, attribution_model, model_parameters: given = {} } = sent
  const [amount_minor, close, model_parameters] = accept(
    readAmount(sent.amount, currency),
    readClose(sent, { calendar: defaults.calendar, now: Date.now() }),
    readParameters(attribution_model, given, defaults),
  )
  return { amount_minor, currency, ...close, attribution_model, model_parameters }
}

/** The values of what was read. Errors: 400 with the faults of all. */
export function accept<Values extends readonly unknown[]>(
  ...reads: { readonly [Index in keyof Values]: Read<Values[Index]> }
): Values {
  const faults = reads.flatMap((read) => ('faults' in read ? read.faults : []))
  if (faults.length > 0) throw invalid(faults)
  return reads.map((read) => ('value' in read ? read.value : undefined)) as unknown as Values
}

export function readAmount(amount: number, currency: string): Read<bigint> {
  const exponent = exponentOf(currency)
  const value = toMinor(amount, exponent)
  if (value !== undefined) return { value }
  const decimals = exponent === 0 ? 'no decimals' : `at most ${exponent} decimals`
  const detail = `An amount in ${currency} has ${decimals}, is above 0 and at most ${formatMoney(largest, currency)}.`
  return { faults: [{ pointer: '/amount', detail }] }
}

/** Reads the parameters of a model and adds the defaults of those that are left out. */
export function readParameters(
  model: ModelName,
  given: ModelParameters,
  defaults: AttributionWindow,
): Read<ModelParameters> {
  const faults = faultsOfParameters(model, given)
  return faults.length > 0 ? { faults } : { value: resolve(model, given, defaults) }
}

/** Errors: 400 for a parameter that the model does not have, or one that it needs or cannot use. */
export function checkParameters(model: ModelName, given: ModelParameters): void {
  const faults = faultsOfParameters(model, given)
  if (faults.length > 0) throw invalid(faults)
}

export function resolve(
  model: ModelName,
  given: ModelParameters,
  defaults: AttributionWindow,
): ModelParameters {
  return resolveParameters(model, given as GivenParameters<ModelName>, defaults) as ModelParameters
}

// A parameter of another model would be stored and never used, so it is refused.
function faultsOfParameters(model: ModelName, given: ModelParameters): Fault[] {
  const known = resolveParameters(model, {}, { close_grace_minutes: 0, lookback_days: null })
  const unknown = listUnknown(given, known).map((path) => ({
    pointer: `/model_parameters/${path.join('/')}`,
    detail: `The model ${model} has no parameter ${path.at(-1)}.`,
  }))
  return model === 'agreed' ? [...unknown, ...faultsOfAgreement(given)] : unknown
}

function faultsOfAgreement({ shares = [] }: ModelParameters): Fault[] {
  const pointer = '/model_parameters/shares'
  if (shares.length === 0)
    return [{ pointer, detail: 'The model agreed needs the percentages of its partners.' }]
  const partnerIds = shares.map(({ partner_id }) => partner_id)
  const repeated = partnerIds.findIndex((id, index) => partnerIds.indexOf(id) < index)
  const faults: Fault[] = []
  if (repeated !== -1)
    faults.push({
      pointer: `${pointer}/${repeated}/partner_id`,
      detail: `Partner ${partnerIds[repeated]} has a percentage already.`,
    })
  if (sumAgreement(shares) > hundredPercent)
    faults.push({ pointer, detail: 'The percentages add up to more than 100.' })
  return faults
}

/** The paths of the properties of `given` that `known` does not have. */
function listUnknown(given: object, known: object): string[][] {
  return Object.entries(given).flatMap(([name, value]): string[][] => {
    if (!Object.hasOwn(known, name)) return [[name]]
    const inner: unknown = Reflect.get(known, name)
    return isGroup(value) && isGroup(inner) ? listUnknown(value, inner).map((path) => [name, ...path]) : []
  })
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

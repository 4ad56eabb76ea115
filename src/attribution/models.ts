import { type AgreedShare, hundredPercent, inOrder, readAgreement } from './agreement.ts'
import { decayWeight } from './decay-weight.ts'
import type { Touch } from './touch.ts'

/** The parameters of every model: how long after and before the close a touch still counts. */
export interface AttributionWindow {
  readonly close_grace_minutes: number
  readonly lookback_days: number | null
}

/** One weight for each touch, in the order of the touches. */
export interface Weighing {
  /** Whole multiples of 1/`unit`; with a `halfLife` (ms), doubles that approximate 2^(-age/halfLife). */
  readonly weights: readonly number[]
  readonly unit: number
  readonly halfLife?: number
  /** A partner scores the weight of one touch, no matter how many it has. */
  readonly once?: boolean
  /** The whole weight of each partner, with touches or without. The rest of `unit` is of nobody. */
  readonly agreed?: ReadonlyMap<string, number>
}

interface Model<Own> {
  /** Why a partner earns its share: the end of the sentence in the explanation, after a colon. */
  readonly rule: string
  readonly defaults: Own
  weigh(touches: readonly Touch[], own: Own): Weighing
}

const day = 86_400_000
const weightUnit = 10_000

/** To add a model, add one entry here and its examples to the test. */
export const models = {
  equal: model('every partner counts the same', {}, (touches) => ({
    weights: touches.map(() => 1),
    unit: 1,
    once: true,
  })),

  'first-touch': model('the first touchpoint takes all', {}, (touches) => ({
    weights: touches.map((_, n) => (n === 0 ? 1 : 0)),
    unit: 1,
  })),

  'last-touch': model('the last touchpoint takes all', {}, (touches) => {
    const last = touches.length - 1
    return { weights: touches.map((_, n) => (n === last ? 1 : 0)), unit: 1 }
  }),

  'role-based': model(
    'each touchpoint counts by its type',
    { weights: { referral: 0.25, demo: 0.15, intro: 0.15, support: 0.1, closer: 0.35, other: 0.05 } },
    (touches, { weights }) => ({
      weights: touches.map((touch) => wholeWeight(weights[touch.touchpoint_type])),
      unit: weightUnit,
    }),
  ),

  // Ages count back from the last touch: the shares are the same as from the close, and the weights cannot all be 0.
  'time-decay': model(
    'the later a touchpoint, the more it counts',
    { half_life_days: 7 },
    (touches, { half_life_days }) => {
      const halfLife = half_life_days * day
      const last = touches.at(-1)?.at ?? 0
      return { weights: touches.map((touch) => decayWeight(last - touch.at, halfLife)), unit: 1, halfLife }
    },
  ),

  linear: model('every touchpoint counts the same', {}, (touches) => ({
    weights: touches.map(() => 1),
    unit: 1,
  })),

  'position-based': model(
    'each touchpoint counts by its place',
    { weights: { first: 0.4, middle: 0.2, last: 0.4 } },
    (touches, { weights }) => {
      const sharers = Math.max(touches.length - 2, 1)
      const first = wholeWeight(weights.first) * sharers
      const middle = wholeWeight(weights.middle)
      const last = wholeWeight(weights.last) * sharers
      const end = touches.length - 1
      return {
        weights: touches.map((_, n) => (n === 0 ? first : n === end ? last : middle)),
        unit: weightUnit * sharers,
      }
    },
  ),

  agreed: model(
    'its percentage is agreed',
    { shares: [] as readonly AgreedShare[] },
    (touches, { shares }) => {
      const agreed = readAgreement(shares)
      const weights = touches.map(({ partner_id }) => agreed.get(partner_id) ?? 0)
      return { weights, unit: hundredPercent, once: true, agreed }
    },
  ),
}

export type ModelName = keyof typeof models
export type ParametersOf<M extends ModelName> = AttributionWindow & Readonly<(typeof models)[M]['defaults']>
export type Parameters = ParametersOf<ModelName>
/** The parameters that a client may send: any part of the model's. */
export type GivenParameters<M extends ModelName> = Partly<ParametersOf<M>>

type Partly<Whole> = {
  readonly [Name in keyof Whole]?:
    | (Whole[Name] extends readonly unknown[]
        ? Whole[Name]
        : Whole[Name] extends object
          ? Partial<Whole[Name]>
          : Whole[Name])
    | undefined
}

export const modelNames = Object.keys(models) as readonly ModelName[]

/** The models that split any deal without parameters of its own. */
export const generalModels = modelNames.filter((name) => name !== 'agreed')

/** The complete parameters of a model, keys in a fixed order: the given values, and defaults for the others. */
export function resolveParameters<M extends ModelName>(
  model: M,
  given: GivenParameters<M>,
  { close_grace_minutes, lookback_days }: AttributionWindow,
): ParametersOf<M> {
  const defaults = { close_grace_minutes, lookback_days, ...models[model].defaults }
  const values = given as Readonly<Record<string, unknown>>
  const resolved = Object.entries(defaults).map(([name, value]) => [name, merge(value, values[name])])
  return Object.fromEntries(resolved) as ParametersOf<M>
}

/** What a weight depends on beside the touches. */
export interface ModelRules {
  readonly model: ModelName
  readonly parameters: Parameters
  /** Only in versions from before 0.2.0: the only touch of position-based earns nothing if it weighs 0. */
  readonly only_touch_unpaid?: boolean
  /** A void deal credits nobody, agreed partners included. */
  readonly is_void?: boolean
  /** The partners whose credit ended before the close: neither their touches nor their percentages count. */
  readonly uncredited?: ReadonlySet<string> | undefined
}

export function weigh(rules: ModelRules, touches: readonly Touch[]): Weighing {
  if (rules.is_void === true) return { weights: touches.map(() => 0), unit: 1 }
  if (isOnlyTouchAtZero(rules, touches)) {
    return { weights: [rules.only_touch_unpaid === true ? 0 : 1], unit: 1 }
  }
  return (models[rules.model] as Model<Parameters>).weigh(touches, creditedParameters(rules))
}

/** The parameters without the agreed percentages of uncredited partners, which stay unattributed. */
export function creditedParameters({ parameters, uncredited }: ModelRules): Parameters {
  if (uncredited === undefined || !('shares' in parameters)) return parameters
  return { ...parameters, shares: parameters.shares.filter(({ partner_id }) => !uncredited.has(partner_id)) }
}

/** Whether position-based gives all to its only touch although its weight is 0. */
export function isOnlyTouchAtZero({ model, parameters }: ModelRules, touches: readonly Touch[]): boolean {
  if (model !== 'position-based' || touches.length !== 1) return false
  return (parameters as ParametersOf<'position-based'>).weights.first === 0
}

function merge(value: unknown, given: unknown): unknown {
  if (given === undefined) return value
  if (Array.isArray(value)) return inOrder(given as readonly AgreedShare[])
  return typeof value === 'object' && value !== null ? { ...value, ...(given as object) } : given
}

// Weights have at most four decimals, so rounding only removes the error of the product.
function wholeWeight(weight: number): number {
  return Math.round(weight * weightUnit)
}

function model<Own>(rule: string, defaults: Own, weigh: Model<Own>['weigh']): Model<Own> {
  return { rule, defaults, weigh }
}

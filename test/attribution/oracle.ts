import { qualify, type Journey } from '../../src/attribution/journey.ts'
import type { Touch } from '../../src/attribution/touch.ts'
import type { ParametersOf } from '../../src/attribution/models.ts'

export const bits = 512n
/** The holder of what an agreement leaves. */
export const nobody = ''
const day = 86_400_000

interface Part {
  readonly partner_id: string
  readonly weight: bigint
  readonly part: bigint
}

/**
 * A slow reference implementation of the split rules (largest remainder): every weight is a BigInt, decay is a chain of
 * square roots with 512 bits, and remainders that agree in 400 bits are equal.
 */
export function largestRemainder(journey: Journey, units: bigint): readonly Part[] {
  const weights = weightsOf(journey)
  if (weights.length === 0) return []
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0n)
  const slack = slackOf(journey, total)
  const quotas = weights.map(([partner_id, weight]) => {
    const product = units * weight + slack
    return { partner_id, weight, part: product / total, rest: product % total }
  })
  const left = Number(quotas.reduce((rest, { part }) => rest - part, units))
  const compare = (a: bigint, b: bigint) => (a - b > slack ? -1 : b - a > slack ? 1 : 0)
  for (const quota of quotas.toSorted((a, b) => compare(a.rest, b.rest)).slice(0, left)) quota.part += 1n
  return quotas
}

/** The error bound of the decay products; the other models are exact. */
export function slackOf({ model }: Journey, total: bigint): bigint {
  return model === 'time-decay' ? total >> 400n : 0n
}

const weightsByJourney = new WeakMap<Journey, readonly (readonly [string, bigint])[]>()

/** The partners with a weight above 0, in the order that breaks ties. */
function weightsOf(journey: Journey): readonly (readonly [string, bigint])[] {
  const remembered = weightsByJourney.get(journey)
  if (remembered !== undefined) return remembered
  const touches = qualify(journey).qualifying
  if (journey.model === 'agreed') return journey.is_void ? [] : agreedWeights(journey)
  const weights = new Map<string, bigint>()
  const firstAt = new Map<string, number>()
  for (const [index, { partner_id, at }] of touches.entries()) {
    const known = weights.get(partner_id)
    const isCounted = journey.model === 'equal' && known !== undefined
    weights.set(partner_id, isCounted ? known : (known ?? 0n) + weightOf(journey, touches, index))
    if (known === undefined) firstAt.set(partner_id, at)
  }
  const ordered = [...weights]
    .filter(([, weight]) => weight > 0n)
    .sort(([a], [b]) => firstAt.get(a)! - firstAt.get(b)! || (a < b ? -1 : 1))
  weightsByJourney.set(journey, ordered)
  return ordered
}

function agreedWeights({ parameters }: Journey): readonly (readonly [string, bigint])[] {
  const given = (parameters as ParametersOf<'agreed'>).shares.map(
    ({ partner_id, percentage }) => [partner_id, BigInt(percentage.toFixed(2).replace('.', ''))] as const,
  )
  const rest = given.reduce((left, [, weight]) => left - weight, 10_000n)
  const ordered = given.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return rest === 0n ? ordered : [...ordered, [nobody, rest]]
}

function weightOf({ model, parameters }: Journey, touches: readonly Touch[], index: number): bigint {
  const touch = touches[index]!
  const end = touches.length - 1
  if (model === 'first-touch') return index === 0 ? 1n : 0n
  if (model === 'last-touch') return index === end ? 1n : 0n
  if (model === 'role-based') {
    return decimal((parameters as ParametersOf<'role-based'>).weights[touch.touchpoint_type])
  }
  if (model === 'position-based') {
    const { first, middle, last } = (parameters as ParametersOf<'position-based'>).weights
    if (end === 0) return 1n
    if (index > 0 && index < end) return decimal(middle)
    return decimal(index === 0 ? first : last) * BigInt(Math.max(end - 1, 1))
  }
  if (model === 'time-decay') {
    const { half_life_days } = parameters as ParametersOf<'time-decay'>
    return halved(touches[end]!.at - touch.at, half_life_days * day)
  }
  return 1n
}

function decimal(weight: number): bigint {
  return BigInt(weight.toFixed(4).replace('.', ''))
}

// 2^(-1/2), 2^(-1/4), 2^(-1/8) …: one for each binary digit of an age.
const roots: bigint[] = []
for (let square = 1n << (bits - 1n); roots.length < bits; square = roots.at(-1)!)
  roots.push(root(square << bits))

const known = new Map<string, bigint>()

/** 2^(bits - age/halfLife), one binary digit of the age at a time. */
export function halved(age: number, halfLife: number): bigint {
  const key = `${age}/${halfLife}`
  const remembered = known.get(key)
  if (remembered !== undefined) return remembered
  let value = 1n << bits
  let rest = BigInt(age % halfLife)
  for (const digit of roots) {
    rest *= 2n
    if (rest < BigInt(halfLife)) continue
    rest -= BigInt(halfLife)
    value = (value * digit) >> bits
  }
  value >>= BigInt(Math.floor(age / halfLife))
  if (known.size < 10_000) known.set(key, value)
  return value
}

function root(square: bigint): bigint {
  let high = 1n << bits
  while (true) {
    const next = (high + square / high) >> 1n
    if (next >= high) return high
    high = next
  }
}

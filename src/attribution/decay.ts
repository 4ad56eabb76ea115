import type { Quotas } from './allocate.ts'
import { halvingError, wideHalvings } from './halving.ts'
import { createSigner, width, type Term } from './sign.ts'

/** Holders that score 2^(-age/halfLife) for each of their touches, ages in ms from the last touch of all. */
export interface Decay {
  /** The scores in doubles, added up by no more than `touchpoints` sums. */
  readonly scores: readonly number[]
  readonly touchpoints: number
  readonly halfLife: number
  /** Each holder's ages, the greatest first: asked for only where doubles do not decide. */
  readonly ages: () => readonly (readonly number[])[]
}

/**
 * Quotas whose wholes are floor(quota + slack): one that is whole never comes out as a rest just below 1. That moves
 * no unit while holders * slack < 1/4: rests add up to the odd units, so of those within 2 * slack below a
 * whole number every one gets a unit, and of those within 2 * slack above none does.
 */
export function decayQuotas(units: bigint, decay: Decay): Quotas {
  const { scores, touchpoints } = decay
  // A score and the total are off by the halvings' error and one rounding a sum; then one product, one quotient.
  const slack = Number(units) * (2 * halvingError + (touchpoints + 4) * 2 ** -52)
  const division =
    slack * scores.length < 1 / 4 ? divideNearly(Number(units), scores, slack) : divideWidely(units, decay)
  const compare = lazily(() => comparison(units, division.wholes, decay))
  return { ...division, compare: (holder, other) => compare()(holder, other) }
}

type Division = Omit<Quotas, 'compare'>

function divideNearly(units: number, scores: readonly number[], slack: number): Division {
  const total = scores.reduce((sum, score) => sum + score, 0)
  const wholes: number[] = []
  const rests: number[] = []
  let odd = units
  for (const score of scores) {
    const quota = (units * score) / total
    const whole = Math.floor(quota + slack)
    wholes.push(whole)
    rests.push(quota - whole)
    odd -= whole
  }
  return { wholes, rests, odd, slack }
}

/** In fixed point, with bits enough that the quotas are off by less than 2^-51 of a unit. */
function divideWidely(units: bigint, { ages, halfLife, touchpoints }: Decay): Division {
  const bits = width(units) + width(BigInt(touchpoints)) + 64
  const halving = wideHalvings(halfLife, bits)
  const weight = (age: number) => halving(age % halfLife) >> BigInt(Math.floor(age / halfLife))
  const scores = ages().map((list) => list.reduce((sum, age) => sum + weight(age), 0n))
  const total = scores.reduce((sum, score) => sum + score, 0n)
  const quotas = scores.map((score) => ((units * score) << 60n) / total)
  const wholes = quotas.map((quota) => (quota + (1n << 10n)) >> 60n)
  return {
    wholes,
    rests: quotas.map((quota, holder) => Number(quota - (wholes[holder]! << 60n)) / 2 ** 60),
    odd: Number(wholes.reduce((left, whole) => left - whole, units)),
    slack: 2 ** -50,
  }
}

/** Compares exactly: a rest is units * score - whole * total, and so a sum of halvings. */
function comparison(units: bigint, wholes: Quotas['wholes'], { halfLife, ages }: Decay): Quotas['compare'] {
  const all = ages()
  const signOf = createSigner(halfLife, terms(all.flat(), 1n))
  return (holder, other) => {
    const own = terms(all[holder]!, units)
    if (other === undefined) return signOf(own, BigInt(wholes[holder]!))
    const apart = BigInt(wholes[holder]!) - BigInt(wholes[other]!)
    return signOf([...own, ...terms(all[other]!, -units)], apart)
  }
}

function terms(ages: readonly number[], times: bigint): readonly Term[] {
  return ages.map((age) => ({ age, times }))
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: make() }).value
}

import type { Quotas } from './allocate.ts'
import { decayWeightError, wideDecayWeights } from './decay-weight.ts'
import { createSigner, width, type Term } from './exact-sign.ts'

/** Holders that score 2^(-age/halfLife) for each of their touches; ages in ms, counted back from the last touch. */
export interface Decay {
  /** The scores in doubles, each a sum of at most `touchpoints` weights. */
  readonly scores: readonly number[]
  readonly touchpoints: number
  readonly halfLife: number
  /** The ages of each holder, oldest first: called only if doubles do not decide. */
  readonly ages: () => readonly (readonly number[])[]
}

/**
 * Quotas with wholes of floor(quota + slack), so that a whole quota never shows up as a remainder just below 1. This
 * moves no unit while holders * slack < 1/4: the remainders add up to the leftover units, so a holder whose remainder
 * is less than 2 * slack below 1 always gets a leftover unit, and one less than 2 * slack above 0 never does.
 */
export function decayQuotas(units: bigint, decay: Decay): Quotas {
  const { scores, touchpoints } = decay
  // Scores and total: the error of the weights and one rounding for each sum. Then one product and one quotient.
  const slack = Number(units) * (2 * decayWeightError + (touchpoints + 4) * 2 ** -52)
  const division =
    slack * scores.length < 1 / 4 ? divideNearly(Number(units), scores, slack) : divideWidely(units, decay)
  const compare = lazily(() => comparison(units, division.wholes, decay))
  return { ...division, compare: (holder, other) => compare()(holder, other) }
}

type ApproximateDivision = Omit<Quotas, 'compare'>

function divideNearly(units: number, scores: readonly number[], slack: number): ApproximateDivision {
  const total = scores.reduce((sum, score) => sum + score, 0)
  const wholes: number[] = []
  const remainders: number[] = []
  let leftover = units
  for (const score of scores) {
    const quota = (units * score) / total
    const whole = Math.floor(quota + slack)
    wholes.push(whole)
    remainders.push(quota - whole)
    leftover -= whole
  }
  return { wholes, remainders, leftover, slack }
}

/** In fixed point, with enough bits that the quotas are off by less than 2^-51 of a unit. */
function divideWidely(units: bigint, { ages, halfLife, touchpoints }: Decay): ApproximateDivision {
  const bits = width(units) + width(BigInt(touchpoints)) + 64
  const weightOf = wideDecayWeights(halfLife, bits)
  const weight = (age: number) => weightOf(age % halfLife) >> BigInt(Math.floor(age / halfLife))
  const scores = ages().map((list) => list.reduce((sum, age) => sum + weight(age), 0n))
  const total = scores.reduce((sum, score) => sum + score, 0n)
  const quotas = scores.map((score) => ((units * score) << 60n) / total)
  const wholes = quotas.map((quota) => (quota + (1n << 10n)) >> 60n)
  return {
    wholes,
    remainders: quotas.map((quota, holder) => Number(quota - (wholes[holder]! << 60n)) / 2 ** 60),
    leftover: Number(wholes.reduce((left, whole) => left - whole, units)),
    slack: 2 ** -50,
  }
}

/** Compares remainders exactly: a remainder is units * score - whole * total, and so a sum of terms. */
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

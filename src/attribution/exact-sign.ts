import { wideDecayWeights } from './decay-weight.ts'

/** times * 2^(-age/halfLife) */
export interface Term {
  readonly age: number
  readonly times: bigint
}

/** times * 2^-(halvings + residue/halfLife); its absolute value is below 2^-top. */
interface Multiple {
  readonly halvings: number
  readonly residue: number
  readonly times: bigint
  readonly top: number
}

/** A sum in units of 2^-(bits + top), off by less than `error` units. */
interface Approximation {
  readonly value: bigint
  readonly error: bigint
  readonly top: number
}

/**
 * Returns a function that computes the exact sign of the sum of its terms minus `totals` times the total. The total may
 * have a term for each touch of a deal, and many pairs of partners may be compared: so the total is reduced once, and a
 * comparison costs only what its own terms cost.
 */
export function createSigner(
  halfLife: number,
  total: readonly Term[],
): (terms: readonly Term[], totals: bigint) => number {
  const multiples = reduce(total, halfLife).toSorted((a, b) => a.top - b.top)
  const byResidue = Map.groupBy(multiples, ({ residue }) => residue)
  const precisionOf = createPrecisions(multiples, halfLife)
  return (terms, totals) => {
    const residues = new Set(terms.map(({ age }) => age % halfLife))
    const shared = totals === 0n ? [] : [...residues].flatMap((residue) => byResidue.get(residue) ?? [])
    const subtracted = shared.map(({ halvings, residue, times }) => ({
      age: halvings * halfLife + residue,
      times: -totals * times,
    }))
    const own = reduce([...terms, ...subtracted], halfLife)
    // The other multiples of the total share no residue with the terms, and all have the same sign.
    const largest = totals === 0n ? undefined : multiples.find(({ residue }) => !residues.has(residue))
    if (own.length === 0) return largest === undefined ? 0 : totals > 0n ? -1 : 1
    // The sum is not zero, so some precision shows its sign. 256 bits do, unless ages were chosen to nearly cancel.
    for (let bits = 256; ; bits *= 2) {
      const { value, error } = subtractRest(precisionOf(bits), { own, shared, largest, totals })
      if (value > error) return 1
      if (value < -error) return -1
    }
  }
}

interface Precision {
  readonly approximate: (multiples: readonly Multiple[], top?: number) => Approximation
  /** The sum of those multiples of the total that have at least this top. */
  readonly tailOf: (top: number) => Approximation
}

function createPrecisions(total: readonly Multiple[], halfLife: number): (bits: number) => Precision {
  const precisions = new Map<number, Precision>()
  return (bits) => {
    const precision = precisions.get(bits) ?? createPrecision(total, wideDecayWeights(halfLife, bits))
    precisions.set(bits, precision)
    return precision
  }
}

function createPrecision(total: readonly Multiple[], weightOf: (residue: number) => bigint): Precision {
  const tails = new Map<number, Approximation>()
  // A weight is off by less than 2 and shifted by at least the bits of `times`; the shift truncates less than 1.
  const approximate = (multiples: readonly Multiple[], top = leastTop(multiples)) => ({
    value: multiples.reduce(
      (sum, { halvings, residue, times }) => sum + ((times * weightOf(residue)) >> BigInt(halvings - top)),
      0n,
    ),
    error: BigInt(3 * multiples.length),
    top,
  })
  const tailOf = (top: number) => {
    const tail = tails.get(top) ?? approximate(fromTop(total, top), top)
    tails.set(top, tail)
    return tail
  }
  return { approximate, tailOf }
}

interface Subtraction {
  readonly own: readonly Multiple[]
  /** The multiples of the total that `own` already contains. */
  readonly shared: readonly Multiple[]
  /** The largest of the other multiples. */
  readonly largest: Multiple | undefined
  readonly totals: bigint
}

/** Approximates `own` minus `totals` times the other multiples: those are a cached tail of the total minus its shared ones. */
function subtractRest({ approximate, tailOf }: Precision, { own, shared, largest, totals }: Subtraction) {
  const parts: [Approximation, bigint][] = [[approximate(own), 1n]]
  if (largest !== undefined) {
    const { top } = largest
    parts.push([tailOf(top), -totals], [approximate(fromTop(shared, top), top), totals])
  }
  return combine(parts)
}

function fromTop(multiples: readonly Multiple[], top: number): readonly Multiple[] {
  return multiples.filter((multiple) => multiple.top >= top)
}

function leastTop(sums: readonly { readonly top: number }[]): number {
  return sums.reduce((least, { top }) => Math.min(least, top), Infinity)
}

function combine(parts: readonly (readonly [Approximation, bigint])[]): Omit<Approximation, 'top'> {
  const least = leastTop(parts.map(([part]) => part))
  let value = 0n
  let error = 0n
  for (const [part, times] of parts) {
    const shift = BigInt(part.top - least)
    value += (part.value * times) >> shift
    error += ((part.error * (times < 0n ? -times : times)) >> shift) + 2n
  }
  return { value, error }
}

// Up to this gap, in half-lives, one wide number is cheaper than several small ones.
const widestGap = 4096

/**
 * Merges terms that are whole half-lives apart. The sum is zero only if nothing is left: different
 * 2^-(residue/halfLife) are linearly independent over the rationals, and a multiple stays apart from the next younger
 * one of its residue only if that one's unit does not divide it.
 */
function reduce(terms: readonly Term[], halfLife: number): readonly Multiple[] {
  const apart: Omit<Multiple, 'top'>[] = []
  const youngest = new Map<number, Omit<Multiple, 'top'>>()
  for (const { age, times } of terms.toSorted((a, b) => b.age - a.age)) {
    const residue = age % halfLife
    const halvings = (age - residue) / halfLife
    const older = youngest.get(residue) ?? { halvings, residue, times: 0n }
    const gap = older.halvings - halvings
    if (gap <= widestGap) {
      youngest.set(residue, { ...older, times: older.times + (times << BigInt(gap)) })
      continue
    }
    const divides = BigInt.asIntN(gap, older.times) === 0n
    if (!divides) apart.push(older)
    youngest.set(residue, {
      halvings,
      residue,
      times: divides ? (older.times >> BigInt(gap)) + times : times,
    })
  }
  return [...apart, ...youngest.values()]
    .filter(({ times }) => times !== 0n)
    .map((multiple) => ({ ...multiple, top: multiple.halvings - width(multiple.times) }))
}

/** At least as many bits as the absolute value of a number has. */
export function width(value: bigint): number {
  return 4 * value.toString(16).length
}

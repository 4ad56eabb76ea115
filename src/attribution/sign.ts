import { wideHalvings } from './halving.ts'

/** So many times 2^(-age/halfLife). */
export interface Term {
  readonly age: number
  readonly times: bigint
}

/** So many times 2^-(halvings + residue/halfLife): in size less than 2^-top. */
interface Multiple {
  readonly halvings: number
  readonly residue: number
  readonly times: bigint
  readonly top: number
}

/** A sum in units of 2^-(bits + top), less than `error` of them off. */
interface Approximation {
  readonly value: bigint
  readonly error: bigint
  readonly top: number
}

/**
 * Tells the exact sign of some terms less so many totals. A total may have as many terms as a deal has touches, and
 * as many partners may have to be compared: so it is drawn together once, and an answer costs what its own terms do.
 */
export function createSigner(
  halfLife: number,
  total: readonly Term[],
): (terms: readonly Term[], totals: bigint) => number {
  const multiples = reduce(total, halfLife).toSorted((a, b) => a.top - b.top)
  const byResidue = Map.groupBy(multiples, ({ residue }) => residue)
  const precisions = new Map<number, Precision>()
  const precisionOf = (bits: number) => {
    const precision = precisions.get(bits) ?? createPrecision(multiples, wideHalvings(halfLife, bits))
    precisions.set(bits, precision)
    return precision
  }
  return (terms, totals) => {
    const residues = new Set(terms.map(({ age }) => age % halfLife))
    const shared = totals === 0n ? [] : [...residues].flatMap((residue) => byResidue.get(residue) ?? [])
    const taken = shared.map(({ halvings, residue, times }) => ({
      age: halvings * halfLife + residue,
      times: -totals * times,
    }))
    const own = reduce([...terms, ...taken], halfLife)
    // What is left of the totals has no residue in common with the terms, and all of one sign.
    const largest = totals === 0n ? undefined : multiples.find(({ residue }) => !residues.has(residue))
    if (own.length === 0) return largest === undefined ? 0 : totals > 0n ? -1 : 1
    // A sum that is not zero shows its sign at some precision: at the first, unless ages were built against it.
    for (let bits = 256; ; bits *= 2) {
      const { approximate, tailOf } = precisionOf(bits)
      const parts: [Approximation, bigint][] = [[approximate(own), 1n]]
      if (largest !== undefined) {
        const { top } = largest
        parts.push([tailOf(top), -totals])
        parts.push([
          approximate(
            shared.filter((multiple) => multiple.top >= top),
            top,
          ),
          totals,
        ])
      }
      const { value, error } = combine(parts)
      if (value > error) return 1
      if (value < -error) return -1
    }
  }
}

interface Precision {
  readonly approximate: (multiples: readonly Multiple[], top?: number) => Approximation
  /** All of the total's multiples from this top on. */
  readonly tailOf: (top: number) => Approximation
}

function createPrecision(total: readonly Multiple[], halving: (residue: number) => bigint): Precision {
  const tails = new Map<number, Approximation>()
  // A halving is less than 2 off, and shifted by more than the size of `times`; the shift cuts off less than 1.
  const approximate = (multiples: readonly Multiple[], top = leastTop(multiples)) => ({
    value: multiples.reduce(
      (sum, { halvings, residue, times }) => sum + ((times * halving(residue)) >> BigInt(halvings - top)),
      0n,
    ),
    error: BigInt(3 * multiples.length),
    top,
  })
  const tailOf = (top: number) => {
    const tail =
      tails.get(top) ??
      approximate(
        total.filter((multiple) => multiple.top >= top),
        top,
      )
    tails.set(top, tail)
    return tail
  }
  return { approximate, tailOf }
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

// Half-lives within which one wide number is cheaper than many small ones.
const packed = 4096

/**
 * Draws together terms that are whole half-lives apart. The sum is zero only if nothing is left: different
 * 2^-(residue/halfLife) are linearly independent over the rationals, and of one residue a multiple stays behind
 * only where the next younger one's unit does not divide it.
 */
function reduce(terms: readonly Term[], halfLife: number): readonly Multiple[] {
  const left: Omit<Multiple, 'top'>[] = []
  const open = new Map<number, Omit<Multiple, 'top'>>()
  for (const { age, times } of terms.toSorted((a, b) => b.age - a.age)) {
    const residue = age % halfLife
    const halvings = (age - residue) / halfLife
    const older = open.get(residue) ?? { halvings, residue, times: 0n }
    const gap = older.halvings - halvings
    if (gap <= packed) {
      open.set(residue, { ...older, times: older.times + (times << BigInt(gap)) })
      continue
    }
    const carries = BigInt.asIntN(gap, older.times) === 0n
    if (!carries) left.push(older)
    open.set(residue, { halvings, residue, times: carries ? (older.times >> BigInt(gap)) + times : times })
  }
  return [...left, ...open.values()]
    .filter(({ times }) => times !== 0n)
    .map((multiple) => ({ ...multiple, top: multiple.halvings - width(multiple.times) }))
}

/** Bits enough to write a number's size. */
export function width(value: bigint): number {
  return 4 * value.toString(16).length
}

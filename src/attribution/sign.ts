import { wideHalvings } from './halving.ts'

/** So many times 2^(-age/halfLife). */
export interface Term {
  readonly age: number
  readonly times: bigint
}

/** So many times 2^-(halvings + residue/halfLife). */
interface Multiple {
  readonly halvings: number
  readonly residue: number
  readonly times: bigint
}

/** Tells the exact sign of a sum of terms, which come oldest first. */
export function createSigner(halfLife: number): (terms: readonly Term[]) => number {
  const precisions = new Map<number, (residue: number) => bigint>()
  return (terms) => {
    const sum = reduce(terms, halfLife)
    if (sum.length === 0) return 0
    // A sum that is not zero shows its sign at some precision, and at the first unless ages were built against it.
    for (let bits = 256; ; bits *= 2) {
      const halving = precisions.get(bits) ?? wideHalvings(halfLife, bits)
      precisions.set(bits, halving)
      const sign = signWithin(sum, halving)
      if (sign !== 0) return sign
    }
  }
}

/**
 * Draws together terms that are whole half-lives apart. The sum is zero only if nothing is left: different
 * 2^-(residue/halfLife) are linearly independent over the rationals, and of one residue a multiple stays behind
 * only where it is no multiple of the next younger one's unit.
 */
function reduce(terms: readonly Term[], halfLife: number): readonly Multiple[] {
  const left: Multiple[] = []
  const open = new Map<number, Multiple>()
  for (const { age, times } of terms) {
    const residue = age % halfLife
    const halvings = (age - residue) / halfLife
    const older = open.get(residue) ?? { halvings, residue, times: 0n }
    const gap = older.halvings - halvings
    const carries = BigInt.asIntN(gap, older.times) === 0n
    if (!carries) left.push(older)
    open.set(residue, { halvings, residue, times: carries ? (older.times >> BigInt(gap)) + times : times })
  }
  return [...left, ...open.values()].filter(({ times }) => times !== 0n)
}

/** The sign, or 0 where so many bits cannot tell. */
function signWithin(sum: readonly Multiple[], halving: (residue: number) => bigint): number {
  const fewest = sum.reduce((least, { halvings }) => Math.min(least, halvings), Infinity)
  let total = 0n
  let error = 0n
  for (const { halvings, residue, times } of sum) {
    total += (times * halving(residue)) >> BigInt(halvings - fewest)
    // The halving is less than 2 off and the shift less than 1.
    error += 3n * (times < 0n ? -times : times)
  }
  if (total > error) return 1
  return total < -error ? -1 : 0
}

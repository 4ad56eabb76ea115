/** The exact quotas of holders: their whole units, and the remainders by which they compete for the leftover units. */
export interface Quotas {
  /** Numbers if doubles are exact: BigInts would cost more than all the rest of a small split. */
  readonly wholes: readonly (number | bigint)[]
  readonly remainders: readonly number[]
  /** The units that are left after the whole units. */
  readonly leftover: number
  /** The largest error of a remainder. */
  readonly slack: number
  /** The exact sign of a holder's remainder, or of its remainder minus the other's. */
  readonly compare: (holder: number, other?: number) => number
}

/** A leftover unit: its holder, and the first holder without one if the remainders of both are equal. */
export interface LeftoverUnit {
  readonly holder: number
  readonly tied: number | undefined
}

/** Splits units by largest remainder (Hamilton); of equal remainders, the first in the list gets the leftover unit. */
export function allocate(units: bigint, weights: readonly number[]): bigint[] {
  return assignUnits(divide(units, weights)).map(BigInt)
}

/** The only place that divides money. The division is exact: weights are whole and their sum is a safe integer. */
export function divide(units: bigint, weights: readonly number[]): Quotas {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const isSafe = Number(units) * total <= Number.MAX_SAFE_INTEGER
  const division = isSafe
    ? divideSafely(Number(units), weights, total)
    : divideWidely(units, weights, BigInt(total))
  const { remainders } = division
  const compare: Quotas['compare'] = (holder, other) =>
    remainders[holder]! - (other === undefined ? 0 : remainders[other]!)
  return { ...division, slack: 0, compare }
}

/** The units of each holder: its whole units, and one more for the largest remainders. */
export function assignUnits(quotas: Quotas): (number | bigint)[] {
  const parts = [...quotas.wholes]
  for (const holder of rank(quotas).first) parts[holder]!++
  return parts
}

/** The leftover units, largest remainder first. */
export function listLeftoverUnits(quotas: Quotas): readonly LeftoverUnit[] {
  const { wholes, remainders, slack, compare } = quotas
  const { first, next } = rank(quotas)
  const isTied = (holder: number) =>
    next !== undefined && !isClear(quotas, holder, next) && compare(holder, next) === 0
  // A decay quota just below a whole number was rounded up to it: its leftover unit is already in `wholes`.
  const near = wholes.map((_, holder) => holder).filter((holder) => remainders[holder]! <= slack)
  near.sort((a, b) => compare(b, a))
  const roundedUp = near.slice(firstIndex(near, (holder) => compare(holder) < 0))
  return [
    ...roundedUp.map((holder) => ({ holder, tied: undefined })),
    ...first.map((holder) => ({ holder, tied: isTied(holder) ? next : undefined })),
  ]
}

interface Ranking {
  /** The holders that get a leftover unit. */
  readonly first: readonly number[]
  /** The first holder that gets none. */
  readonly next: number | undefined
}

function rank(quotas: Quotas): Ranking {
  const { remainders, leftover, slack, compare } = quotas
  if (leftover === 0) return { first: [], next: undefined }
  const ranking = remainders.map((_, holder) => holder).sort((a, b) => remainders[b]! - remainders[a]!)
  const next = ranking[leftover]
  if (slack > 0 && next !== undefined && !isClear(quotas, ranking[leftover - 1]!, next)) {
    ranking.sort((a, b) => (isClear(quotas, a, b) ? remainders[b]! - remainders[a]! : compare(b, a) || a - b))
  }
  return { first: ranking.slice(0, leftover), next: ranking[leftover] }
}

/** Whether two remainders differ by more than their errors. */
function isClear({ remainders, slack }: Quotas, a: number, b: number): boolean {
  return Math.abs(remainders[a]! - remainders[b]!) > 2 * slack
}

/** Binary search: the first index from which `claim` holds. */
function firstIndex(list: readonly number[], claim: (one: number) => boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (claim(list[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}

type ExactDivision = Pick<Quotas, 'wholes' | 'remainders' | 'leftover'>

function divideSafely(units: number, weights: readonly number[], total: number): ExactDivision {
  const wholes: number[] = []
  const remainders: number[] = []
  let leftover = units
  for (const weight of weights) {
    // Exact below 2^53: products are not rounded, and a quotient is never rounded up to the next whole number.
    const whole = Math.floor((units * weight) / total)
    wholes.push(whole)
    remainders.push(units * weight - whole * total)
    leftover -= whole
  }
  return { wholes, remainders, leftover }
}

function divideWidely(units: bigint, weights: readonly number[], total: bigint): ExactDivision {
  const products = weights.map((weight) => units * BigInt(weight))
  const wholes = products.map((product) => product / total)
  return {
    wholes,
    remainders: products.map((product) => Number(product % total)),
    leftover: Number(wholes.reduce((left, whole) => left - whole, units)),
  }
}

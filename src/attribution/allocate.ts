/** What each holder is due of some units: whole ones, and a rest by which it competes for the odd ones. */
export interface Quotas {
  /** Numbers where doubles hold them: BigInts cost more than all the rest of a small split. */
  readonly wholes: readonly (number | bigint)[]
  readonly rests: readonly number[]
  /** How many units the wholes leave. */
  readonly odd: number
  /** How far a rest may be from the true one. */
  readonly slack: number
  /** The sign of a holder's true rest, or of how far it exceeds another's. */
  readonly compare: (holder: number, other?: number) => number
}

/** A unit that went to a holder beyond its quota, and the first holder that missed one at the very same rest. */
export interface OddUnit {
  readonly holder: number
  readonly tied: number | undefined
}

/** Splits units by largest remainder; of equal remainders the one earlier in the list gets the odd unit. */
export function allocate(units: bigint, weights: readonly number[]): bigint[] {
  return settle(divide(units, weights)).map(BigInt)
}

/** The one place where money is divided, and exactly: weights are whole and add up to a safe integer. */
export function divide(units: bigint, weights: readonly number[]): Quotas {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const isSafe = Number(units) * total <= Number.MAX_SAFE_INTEGER
  const division = isSafe
    ? divideSafely(Number(units), weights, total)
    : divideWidely(units, weights, BigInt(total))
  const { rests } = division
  const compare: Quotas['compare'] = (holder, other) =>
    rests[holder]! - (other === undefined ? 0 : rests[other]!)
  return { ...division, slack: 0, compare }
}

/** Each holder's part: its whole units, and one more for those with the largest rests. */
export function settle(quotas: Quotas): (number | bigint)[] {
  const parts = [...quotas.wholes]
  for (const holder of rank(quotas).first) parts[holder]!++
  return parts
}

/** Who got more than its quota, the largest rest first. */
export function oddUnits(quotas: Quotas): readonly OddUnit[] {
  const { wholes, rests, slack, compare } = quotas
  const { first, next } = rank(quotas)
  const isTied = (holder: number) =>
    next !== undefined && !isClear(quotas, holder, next) && compare(holder, next) === 0
  // A decaying quota just below a whole number counts as that number: its odd unit is in `wholes` already.
  const near = wholes.map((_, holder) => holder).filter((holder) => rests[holder]! <= slack)
  near.sort((a, b) => compare(b, a))
  const counted = near.slice(firstIndex(near, (holder) => compare(holder) < 0))
  return [
    ...counted.map((holder) => ({ holder, tied: undefined })),
    ...first.map((holder) => ({ holder, tied: isTied(holder) ? next : undefined })),
  ]
}

interface Ranking {
  /** Those whose rests earn them an odd unit. */
  readonly first: readonly number[]
  readonly next: number | undefined
}

function rank(quotas: Quotas): Ranking {
  const { rests, odd, slack, compare } = quotas
  if (odd === 0) return { first: [], next: undefined }
  const ranking = rests.map((_, holder) => holder).sort((a, b) => rests[b]! - rests[a]!)
  const next = ranking[odd]
  if (slack > 0 && next !== undefined && !isClear(quotas, ranking[odd - 1]!, next)) {
    ranking.sort((a, b) => (isClear(quotas, a, b) ? rests[b]! - rests[a]! : compare(b, a) || a - b))
  }
  return { first: ranking.slice(0, odd), next: ranking[odd] }
}

/** Whether two rests differ by more than they may be off. */
function isClear({ rests, slack }: Quotas, a: number, b: number): boolean {
  return Math.abs(rests[a]! - rests[b]!) > 2 * slack
}

/** Where a claim begins to hold that then holds to the end of the list, in few calls. */
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

type Division = Pick<Quotas, 'wholes' | 'rests' | 'odd'>

function divideSafely(units: number, weights: readonly number[], total: number): Division {
  const wholes: number[] = []
  const rests: number[] = []
  let odd = units
  for (const weight of weights) {
    // Exact: below 2^53 a quotient is never rounded up to the next whole number, nor a product rounded at all.
    const whole = Math.floor((units * weight) / total)
    wholes.push(whole)
    rests.push(units * weight - whole * total)
    odd -= whole
  }
  return { wholes, rests, odd }
}

function divideWidely(units: bigint, weights: readonly number[], total: bigint): Division {
  const products = weights.map((weight) => units * BigInt(weight))
  const wholes = products.map((product) => product / total)
  return {
    wholes,
    rests: products.map((product) => Number(product % total)),
    odd: Number(wholes.reduce((left, whole) => left - whole, units)),
  }
}

/** What each holder is due of some units: whole ones, and a rest by which it competes for the odd ones. */
export interface Quotas {
  readonly wholes: readonly bigint[]
  readonly rests: readonly number[]
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
  return settle(units, divide(units, weights))
}

/** The one place where money is divided: by whole weights, exactly. */
export function divide(units: bigint, weights: readonly number[]): Quotas {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const isSafe = Number(units) * total <= Number.MAX_SAFE_INTEGER
  const { wholes, rests } = isSafe
    ? divideSafely(Number(units), weights, total)
    : divideWidely(units, weights, BigInt(total))
  const compare: Quotas['compare'] = (holder, other) =>
    rests[holder]! - (other === undefined ? 0 : rests[other]!)
  return { wholes, rests, slack: 0, compare }
}

/** Each holder's part: its whole units, and one more for those with the largest rests. */
export function settle(units: bigint, quotas: Quotas): bigint[] {
  const parts = [...quotas.wholes]
  for (const holder of rank(units, quotas).first) parts[holder]! += 1n
  return parts
}

/** Who got more than its quota, the largest rest first. */
export function oddUnits(units: bigint, quotas: Quotas): readonly OddUnit[] {
  const { wholes, rests, slack, compare } = quotas
  const { first, next } = rank(units, quotas)
  const isTied = (holder: number) =>
    next !== undefined && !isClear(quotas, holder, next) && compare(holder, next) === 0
  // A decaying quota just below a whole number counts as that number: its odd unit is in `wholes` already.
  const near = wholes.map((_, holder) => holder).filter((holder) => rests[holder]! <= slack)
  const counted = takeWhile(near.sort(compare), (holder) => compare(holder) < 0)
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

function rank(units: bigint, quotas: Quotas): Ranking {
  const { wholes, rests, slack, compare } = quotas
  const odd = Number(wholes.reduce((left, whole) => left - whole, units))
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

/** The head of a list for which a claim holds that holds no more once it fails: asked seldom, for it may be dear. */
function takeWhile(list: readonly number[], claim: (one: number) => boolean): readonly number[] {
  if (list.length === 0) return []
  const middle = list.length >> 1
  if (!claim(list[middle]!)) return takeWhile(list.slice(0, middle), claim)
  return [...list.slice(0, middle + 1), ...takeWhile(list.slice(middle + 1), claim)]
}

type Division = Pick<Quotas, 'wholes' | 'rests'>

function divideSafely(units: number, weights: readonly number[], total: number): Division {
  // In doubles a quotient may be rounded, but never a remainder, nor what divides without one.
  const rests = weights.map((weight) => (units * weight) % total)
  const wholes = weights.map((weight, holder) => BigInt((units * weight - rests[holder]!) / total))
  return { wholes, rests }
}

function divideWidely(units: bigint, weights: readonly number[], total: bigint): Division {
  const products = weights.map((weight) => units * BigInt(weight))
  return {
    wholes: products.map((product) => product / total),
    rests: products.map((product) => Number(product % total)),
  }
}

const digitBits = 4

/** 2^(-residue/halfLife) * 2^bits for 0 <= residue < halfLife, off by less than 2; caches its results. */
export function wideDecayWeights(halfLife: number, bits: number): (residue: number) => bigint {
  // A deal may need thousands of residues: one series for each would cost five times as much as these products. An error
  // of e in `unit` becomes one of less than halfLife * (e + 1) in a product, which the guard absorbs: halfLife < 2^39.
  const guard = 64n
  const scale = BigInt(bits) + guard
  const unit = wideExponential(wideLn2(scale) / BigInt(halfLife), scale)
  const powers = powersByDigit(unit, scale, halfLife)
  const cache = new Map<number, bigint>()
  return (residue) => {
    const cached = cache.get(residue)
    if (cached !== undefined) return cached
    let product = 1n << scale
    let rest = residue
    for (const power of powers) {
      const digit = rest % (1 << digitBits)
      if (digit > 0) product = (product * power[digit]!) >> scale
      rest = (rest - digit) / (1 << digitBits)
    }
    const weight = product >> guard
    cache.set(residue, weight)
    return weight
  }
}

/** exp(-x) by its series; each step truncates less than 2 units in the last place of the scale. */
function wideExponential(x: bigint, scale: bigint): bigint {
  let sum = 0n
  let term = 1n << scale
  for (let n = 1n; term !== 0n; n++) {
    sum += n % 2n === 1n ? term : -term
    term = ((term * x) >> scale) / n
  }
  return sum
}

/** For each hexadecimal digit of an exponent below `limit`, lowest first: the unit to the power of each digit value. */
function powersByDigit(unit: bigint, scale: bigint, limit: number): readonly (readonly bigint[])[] {
  const powers: bigint[][] = []
  let base = unit
  for (let value = 1; value < limit; value *= 1 << digitBits) {
    const ofDigit = [1n << scale]
    while (ofDigit.length < 1 << digitBits) ofDigit.push((ofDigit.at(-1)! * base) >> scale)
    base = (ofDigit.at(-1)! * base) >> scale
    powers.push(ofDigit)
  }
  return powers
}

/** ln 2 = 2 artanh(1/3), by its series. */
function wideLn2(scale: bigint): bigint {
  let sum = 0n
  let power = (2n << scale) / 3n
  for (let n = 1n; power !== 0n; n += 2n) {
    sum += power / n
    power /= 9n
  }
  return sum
}

const steps = 32
const wideStepWeight = wideDecayWeights(steps, 64)
const stepWeights = Array.from({ length: steps }, (_, step) => Number(wideStepWeight(step)) / 2 ** 64)

const mostHalvings = 1000
const powersOfHalf = [1]
while (powersOfHalf.length <= mostHalvings) powersOfHalf.push(powersOfHalf.at(-1)! / 2)

const c1 = -Math.LN2
const c2 = (c1 * c1) / 2
const c3 = (c2 * c1) / 3
const c4 = (c3 * c1) / 4
const c5 = (c4 * c1) / 5
const c6 = (c5 * c1) / 6
const c7 = (c6 * c1) / 7

/**
 * An upper bound of the relative error of `decayWeight`. In units of 2^-53: ln 2 for rounding `part`, 1 for the table,
 * 1 for the only product that rounds, 1/2 for the last sum of the series, and 1/5 for the earlier sums and for the
 * omitted terms (x < 1/32): less than 4.
 */
export const decayWeightError = 2 ** -51

/** 2^(-age/halfLife) in doubles, only with operations that IEEE 754 fixes; 2^-1000 from 1,000 half-lives on. */
export function decayWeight(age: number, halfLife: number): number {
  // Exact for whole numbers below 2^53: the quotient is never rounded up to the next whole number.
  const halvings = Math.floor(age / halfLife)
  if (halvings >= mostHalvings) return powersOfHalf[mostHalvings]!
  const part = (age - halvings * halfLife) / halfLife
  const step = Math.floor(part * steps)
  const x = part - step / steps
  const series = 1 + x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * (c5 + x * (c6 + x * c7))))))
  return powersOfHalf[halvings]! * stepWeights[step]! * series
}

const digitBits = 4

/** 2^(-residue/halfLife) * 2^bits for 0 <= residue < halfLife, less than 2 off; remembers what it computed. */
export function wideHalvings(halfLife: number, bits: number): (residue: number) => bigint {
  // A deal may ask for thousands of residues: a series for each costs five times as much as these products. An error
  // of e in `unit` is one of less than halfLife * (e + 1) in a product, which the guard takes in: halfLife < 2^39.
  const guard = 64n
  const scale = BigInt(bits) + guard
  const unit = wideExponential(wideLn2(scale) / BigInt(halfLife), scale)
  const powers = powersByDigit(unit, scale, halfLife)
  const known = new Map<number, bigint>()
  return (residue) => {
    const remembered = known.get(residue)
    if (remembered !== undefined) return remembered
    let product = 1n << scale
    let rest = residue
    for (const power of powers) {
      const digit = rest % (1 << digitBits)
      if (digit > 0) product = (product * power[digit]!) >> scale
      rest = (rest - digit) / (1 << digitBits)
    }
    const halved = product >> guard
    known.set(residue, halved)
    return halved
  }
}

/** exp(-x) by its series, where every step cuts off less than 2 of the scale's last place. */
function wideExponential(x: bigint, scale: bigint): bigint {
  let sum = 0n
  let term = 1n << scale
  for (let n = 1n; term !== 0n; n++) {
    sum += n % 2n === 1n ? term : -term
    term = ((term * x) >> scale) / n
  }
  return sum
}

/** For each hexadecimal digit of an exponent below `limit`, from the lowest: the unit to the power of its values. */
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
const stepHalving = wideHalvings(steps, 64)
const stepHalvings = Array.from({ length: steps }, (_, step) => Number(stepHalving(step)) / 2 ** 64)

const deepest = 1000
const powers = [1]
while (powers.length <= deepest) powers.push(powers.at(-1)! / 2)

const c1 = -Math.LN2
const c2 = (c1 * c1) / 2
const c3 = (c2 * c1) / 3
const c4 = (c3 * c1) / 4
const c5 = (c4 * c1) / 5
const c6 = (c5 * c1) / 6
const c7 = (c6 * c1) / 7

/**
 * The relative error of `halve`, at most. In units of 2^-53: ln 2 for rounding `part`, 1 for the table, 1 for the one
 * product that rounds, 1/2 for the last sum of the series, and 1/5 for the sums before it and for what is cut off
 * (x < 1/32): less than 4.
 */
export const halvingError = 2 ** -51

/** 2^(-age/halfLife) in doubles, by nothing but operations that IEEE 754 fixes; past 2^-1000 it stays there. */
export function halve(age: number, halfLife: number): number {
  // Exact, for whole numbers below 2^53: the quotient is never rounded up to the next whole number.
  const halvings = Math.floor(age / halfLife)
  if (halvings >= deepest) return powers[deepest]!
  const part = (age - halvings * halfLife) / halfLife
  const step = Math.floor(part * steps)
  const x = part - step / steps
  const series = 1 + x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * (c5 + x * (c6 + x * c7))))))
  return powers[halvings]! * stepHalvings[step]! * series
}

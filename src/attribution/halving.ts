/** 2^(-residue/halfLife) * 2^bits for 0 <= residue < halfLife, less than 2 off; remembers what it computed. */
export function wideHalvings(halfLife: number, bits: number): (residue: number) => bigint {
  const guard = 64n
  const scale = BigInt(bits) + guard
  const ln2 = wideLn2(scale)
  const known = new Map<number, bigint>()
  return (residue) => {
    const remembered = known.get(residue)
    if (remembered !== undefined) return remembered
    const exponent = (ln2 * BigInt(residue)) / BigInt(halfLife)
    // exp(-x) by its series. Every step cuts off less than 2 of the scale's last place: the guard takes that in.
    let sum = 0n
    let term = 1n << scale
    for (let n = 1n; term !== 0n; n++) {
      sum += n % 2n === 1n ? term : -term
      term = ((term * exponent) >> scale) / n
    }
    const halved = sum >> guard
    known.set(residue, halved)
    return halved
  }
}

function wideLn2(scale: bigint): bigint {
  let sum = 0n
  for (let n = 1n; n <= scale; n++) sum += (1n << (scale - n)) / n
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

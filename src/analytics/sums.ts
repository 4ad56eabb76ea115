/** Sums come as text: they may be longer than any single amount. */
export type Sums<Name extends string> = Record<Name, string>

/** The quotient of what is not negative, to the nearest whole number. */
export function halfUp(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor)
}

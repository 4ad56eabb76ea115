/** Sums as PostgreSQL returns them: as text, because they may be larger than any amount. */
export type Sums<Name extends string> = Record<Name, string>

/** The quotient of two numbers that are not negative, rounded half up. */
export function halfUp(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor)
}

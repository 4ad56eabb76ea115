import { codes, code as findCurrency } from 'currency-codes'

const exponents = new Map(codes().map((code) => [code, findCurrency(code)?.digits ?? 0]))
const largest = 999_999_999_999_999n

/** Decimals of an ISO 4217 currency (USD 2, JPY 0, KWD 3), or undefined for a code that is none. */
export function exponentOf(currency: string): number | undefined {
  return exponents.get(currency)
}

/** Minor units of what a client sent, by its decimal text; undefined where that would need rounding. */
export function toMinor(amount: number, exponent: number): bigint | undefined {
  const decimal = /^(\d+)(?:\.(\d+))?$/.exec(String(amount))
  if (decimal === null) return undefined
  const [, whole = '', fraction = ''] = decimal
  if (fraction.length > exponent) return undefined
  const minor = BigInt(whole + fraction.padEnd(exponent, '0'))
  return minor > 0n && minor <= largest ? minor : undefined
}

/**
 * The number a client reads: minor units and a power of ten are exact, so this one division gives the nearest double. Up to
 * 5,000,000,000,000,000 minor units no other amount has the same one; a sum beyond that may lose its last digit.
 */
export function toMajor(minor: bigint, currency: string): number {
  return Number(minor) / 10 ** (exponents.get(currency) ?? 0)
}

/** Money as a person reads it: `USD 40,000.00`. */
export function formatMoney(minor: bigint, currency: string): string {
  const digits = exponents.get(currency) ?? 0
  const amount = toMajor(minor, currency).toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  return `${currency} ${amount}`
}

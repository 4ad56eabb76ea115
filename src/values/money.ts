import { decimals } from './currencies.ts'

/** The largest amount that a client may send, in minor units. */
export const largest = 999_999_999_999_999n

/** The decimals of an ISO 4217 currency (USD 2, JPY 0, KWD 3). Throws for an unknown code, because a guess would change amounts. */
export function exponentOf(currency: string): number {
  const exponent = decimals.get(currency)
  if (exponent === undefined) throw new Error(`No decimals are known for the currency ${currency}.`)
  return exponent
}

/**
 * The minor units of an amount that a client sent, read from its decimal text. Undefined if it has more decimals than the
 * currency, or is not between 1 and 999,999,999,999,999 minor units.
 */
export function toMinor(amount: number, exponent: number): bigint | undefined {
  const minor = toScaled(amount, exponent)
  return minor !== undefined && minor > 0n && minor <= largest ? minor : undefined
}

/**
 * A number that is not negative, times 10^exponent, read from its decimal text. Undefined if it has more decimals, or is
 * negative or so large or small that its text has an exponent.
 */
export function toScaled(amount: number, exponent: number): bigint | undefined {
  const decimal = /^(\d+)(?:\.(\d+))?$/.exec(String(amount))
  if (decimal === null) return undefined
  const [, whole = '', fraction = ''] = decimal
  if (fraction.length > exponent) return undefined
  return BigInt(whole + fraction.padEnd(exponent, '0'))
}

/**
 * The number that a client reads. Minor units and the power of ten are exact, so the one division gives the nearest double.
 * Up to 5,000,000,000,000,000 minor units, each amount has a double of its own; a larger sum may lose its last digit.
 */
export function toMajor(minor: bigint, currency: string): number {
  return Number(minor) / 10 ** exponentOf(currency)
}

/** The exact text of an amount of any size, as a JSON number would be written: `40000`, `90.5`. */
export function toDecimal(minor: bigint, currency: string): `${number}` {
  const power = 10n ** BigInt(exponentOf(currency))
  const size = minor < 0n ? -minor : minor
  const fraction = String(power + (size % power))
    .slice(1)
    .replace(/0+$/, '')
  const text = `${minor < 0n ? '-' : ''}${size / power}${fraction === '' ? '' : `.${fraction}`}`
  return text as `${number}`
}

/** Money as text for people, such as `USD 40,000.00`. */
export function formatMoney(minor: bigint, currency: string): string {
  const digits = exponentOf(currency)
  const format = new Intl.NumberFormat('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  return `${currency} ${format.format(toDecimal(minor, currency))}`
}

/** The quotient of two numbers that are not negative, rounded half up. */
export function halfUp(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor)
}

import { MalformedRequest } from '../errors.ts'

// The first 17 digits of two limits. A number of 16 digits before the point, up to `largestSafe`, rounds to a safe integer.
// A number of the order of 1e-324, up to `largestZero`, rounds to zero.
const largestSafe = Buffer.from('90071992547409914')
const largestZero = Buffer.from('24703282292062327')

/**
 * Returns the position after the number that begins at `start`. Errors: 400 for a number that a double would change. It
 * compares digits, because parsing each number twice, here and in JSON.parse, takes too long.
 */
export function skipNumber(bytes: Buffer, start: number, end: number): number {
  const whole = bytes[start] === 0x2d /* - */ ? start + 1 : start
  let at = whole
  let byte = at < end ? (bytes[at] as number) : 0
  while (byte >= 0x30 && byte <= 0x39) byte = ++at < end ? (bytes[at] as number) : 0
  const isPlain = byte !== 0x2e /* . */ && (byte | 0x20) !== 0x65 /* e */ && at - whole < 16
  return isPlain ? at : checkNumber(bytes, whole, at)
}

/** Checks the number whose digits begin at `whole`, with its first other byte at `point`. Returns the position after it. */
function checkNumber(bytes: Buffer, whole: number, point: number): number {
  const end = bytes.length
  const isSmall = bytes[whole] === 0x30 /* 0 */
  // The first significant digit; `power` will be its power of ten.
  let first = isSmall ? point : whole
  let at = point
  let byte = at < end ? (bytes[at] as number) : 0
  if (byte === 0x2e /* . */) {
    byte = ++at < end ? (bytes[at] as number) : 0
    if (isSmall) {
      while (byte === 0x30) byte = ++at < end ? (bytes[at] as number) : 0
      first = at
    }
    while (byte >= 0x30 && byte <= 0x39) byte = ++at < end ? (bytes[at] as number) : 0
  }
  const digits = at - first - (at > point && !isSmall ? 1 : 0)
  let power = isSmall ? point - first : point - first - 1
  if ((byte | 0x20) === 0x65 /* e */) {
    byte = ++at < end ? (bytes[at] as number) : 0
    const isNegative = byte === 0x2d /* - */
    if (isNegative || byte === 0x2b /* + */) byte = ++at < end ? (bytes[at] as number) : 0
    let exponent = 0
    for (; byte >= 0x30 && byte <= 0x39; byte = ++at < end ? (bytes[at] as number) : 0)
      // A body is too short to hold the digits that would compensate for a larger exponent.
      if (exponent < 10_000_000) exponent = 10 * exponent + byte - 0x30
    power += isNegative ? -exponent : exponent
  }
  if (digits > 17 || (digits > 0 && !isExact(bytes, first, power)))
    throw new MalformedRequest('The body contains a number with too many digits or an exponent out of range.')
  return at
}

function isExact(bytes: Buffer, first: number, power: number): boolean {
  if (power < 15 && power > -324) return true
  if (power === 15) return !isAbove(bytes, first, largestSafe)
  return power === -324 && isAbove(bytes, first, largestZero)
}

/** Whether the digits from `first` on are above those of a limit. Missing digits count as zeros. */
function isAbove(bytes: Buffer, first: number, limit: Buffer): boolean {
  let at = first
  for (let index = 0; index < limit.length; index += 1) {
    if (bytes[at] === 0x2e /* . */) at += 1
    const byte = bytes[at] ?? 0
    const isDigit = byte >= 0x30 && byte <= 0x39
    const digit = isDigit ? byte : 0x30
    if (digit !== limit[index]) return digit > (limit[index] as number)
    at += isDigit ? 1 : 0
  }
  return false
}

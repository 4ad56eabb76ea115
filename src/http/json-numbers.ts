import { MalformedRequest } from '../errors.ts'

// Below this, 1e15 and more round to a safe integer; from here down, 1e-324 and more round to zero: the first 17 digits.
const largestSafe = Buffer.from('90071992547409914')
const largestZero = Buffer.from('24703282292062327')

/**
 * The position after a number that begins at `start`. Errors: 400 for one that a double would change. It compares
 * digits: to parse each number here and then again takes too long.
 */
export function skipNumber(bytes: Buffer, start: number, end: number): number {
  const whole = bytes[start] === 0x2d /* - */ ? start + 1 : start
  let at = whole
  let byte = at < end ? (bytes[at] as number) : 0
  while (byte >= 0x30 && byte <= 0x39) byte = ++at < end ? (bytes[at] as number) : 0
  const isPlain = byte !== 0x2e /* . */ && (byte | 0x20) !== 0x65 /* e */ && at - whole < 16
  return isPlain ? at : checkNumber(bytes, whole, at, end)
}

function checkNumber(bytes: Buffer, whole: number, point: number, end: number): number {
  const isSmall = bytes[whole] === 0x30 /* 0 */
  // The first digit that counts, and the power of ten it stands for.
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
      // No body has digits enough to make up for more.
      if (exponent < 10_000_000) exponent = 10 * exponent + byte - 0x30
    power += isNegative ? -exponent : exponent
  }
  if (digits > 17 || (digits > 0 && !isExact(bytes, first, power)))
    throw new MalformedRequest('The body holds a number that cannot be kept as it is written.')
  return at
}

function isExact(bytes: Buffer, first: number, power: number): boolean {
  if (power < 15 && power > -324) return true
  if (power === 15) return !isAbove(bytes, first, largestSafe)
  return power === -324 && isAbove(bytes, first, largestZero)
}

/** Compares the digits from `first` on, missing ones being zeros, with those of a limit. */
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

import { invalid } from '../errors.ts'

const instant =
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)[Tt](?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)(?:\.(?<fraction>\d{1,9}))?(?:[Zz]|(?<sign>[+-])(?<offsetHour>\d\d):(?<offsetMinute>\d\d))$/
const endOfYear9999 = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const day = 86_400_000

export interface Instant {
  /** Milliseconds since 1970; finer fractions are cut off. */
  readonly at: number
  /** Whether it is midnight in the offset it was written with: a CRM sends midnight for a date without a time. */
  readonly isMidnight: boolean
}

/** Reads an ISO 8601 instant from 1970 to 9999. Undefined for any other text, and for a day that does not exist. */
export function parseInstant(text: string): Instant | undefined {
  const parts = instant.exec(text)?.groups
  if (parts === undefined) return undefined
  const {
    month,
    day,
    hour,
    minute,
    second,
    fraction = '',
    sign,
    offsetHour = '0',
    offsetMinute = '0',
  } = parts
  const milliseconds = Number(fraction.slice(0, 3).padEnd(3, '0'))
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  if (Number(offsetHour) > 14 || Number(offsetMinute) > 59) return undefined

  const date = new Date(`${parts['year']}-${month}-${day}T00:00:00.000Z`)
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)) return undefined
  const timeOfDay = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + milliseconds
  const offset = (sign === '-' ? -1 : 1) * (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000
  const at = date.getTime() + timeOfDay - offset
  if (at < 0 || at > endOfYear9999) return undefined
  return { at, isMidnight: timeOfDay === 0 && /^0*$/.test(fraction) }
}

/** Reads a bound of a filter as `[from, before)` in milliseconds since 1970. A date means its whole UTC day. */
export function parseDateBound(text: string): { readonly from: number; readonly before: number } | undefined {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) {
    const from = parseInstant(`${text}T00:00:00Z`)?.at
    return from === undefined ? undefined : { from, before: from + day }
  }
  const at = parseInstant(text)?.at
  return at === undefined ? undefined : { from: at, before: at + 1 }
}

/** The ISO 8601 text, in UTC, of milliseconds since 1970. */
export function toTimestamp(at: number): string {
  return new Date(at).toISOString()
}

/** Reads the bounds of a filter as `[from, before)`; an open end is undefined. Errors: 400 if `end` is before `start`. */
export function readPeriod(
  start?: string,
  end?: string,
): { readonly from?: string; readonly before?: string } {
  const from = start === undefined ? undefined : parseDateBound(start)?.from
  const before = end === undefined ? undefined : parseDateBound(end)?.before
  if (from !== undefined && before !== undefined && from >= before) {
    throw invalid([{ pointer: 'end_date', detail: 'The period ends before it starts.' }])
  }
  // The day after the last day of 9999 cannot be written, and nothing is later, so the end is open.
  const isOpen = before === undefined || before > endOfYear9999
  return {
    ...(from === undefined ? {} : { from: toTimestamp(from) }),
    ...(isOpen ? {} : { before: toTimestamp(before) }),
  }
}

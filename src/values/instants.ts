import type { Calendar } from './calendar.ts'

// Without named groups, which take longer than the rest of the parsing.
const instant = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const endOfYear9999 = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

export interface Instant {
  /** Milliseconds since 1970; finer fractions are cut off. */
  readonly at: number
  /** Whether it is midnight in the offset it was written with: a CRM sends midnight for a date without a time. */
  readonly isMidnight: boolean
}

/** Reads an ISO 8601 instant from 1970 to 9999. Undefined for any other text, and for a day that does not exist. */
export function parseInstant(text: string): Instant | undefined {
  const parts = instant.exec(text)
  if (parts === null) return undefined
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second,
    fraction = '',
    sign,
    offsetHour = '0',
    offsetMinute = '0',
  ] = parts
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  if (Number(offsetHour) > 14 || Number(offsetMinute) > 59) return undefined

  const midnight = midnightOf(Number(year), Number(month), Number(day))
  if (midnight === undefined) return undefined
  const milliseconds = Number(fraction.slice(0, 3).padEnd(3, '0'))
  const timeOfDay = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + milliseconds
  const offset = (sign === '-' ? -1 : 1) * (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000
  const at = midnight + timeOfDay - offset
  if (at < 0 || at > endOfYear9999) return undefined
  return { at, isMidnight: timeOfDay === 0 && /^0*$/.test(fraction) }
}

/** The start in UTC of a day of 1969, for the sake of offsets, or later. Undefined for a day that does not exist. */
function midnightOf(year: number, month: number, day: number): number | undefined {
  // Date.UTC takes the years 0 to 99 for 1900 to 1999, and the 31st of April for the 1st of May.
  if (year < 1969) return undefined
  const at = Date.UTC(year, month - 1, day)
  const date = new Date(at)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? at : undefined
}

/** Whether a text is a date from 1970 to 9999, such as 2024-01-31. */
export function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && parseInstant(`${text}T00:00:00Z`) !== undefined
}

/** An instant as a client wrote it, or a date, which stands for the start of its day. */
export interface Moment extends Instant {
  /** The date as it was written, in its own offset. */
  readonly date: string
  readonly isDate: boolean
}

/** Reads an instant, or a date of the calendar. Undefined for any other text. */
export function parseMoment(text: string, calendar: Calendar): Moment | undefined {
  if (isDate(text)) return { at: calendar.startOf(text), date: text, isMidnight: true, isDate: true }
  const instant = parseInstant(text)
  return instant && { ...instant, date: text.slice(0, 10), isDate: false }
}

/** The ISO 8601 text, in UTC, of milliseconds since 1970. */
export function toTimestamp(at: number): string {
  return new Date(at).toISOString()
}

import { Temporal } from 'temporal-polyfill'

/** Reads a date or a time of one format. Undefined for another text, and for a day that does not exist. */
export interface DateFormat {
  readonly format: string
  readonly read: (text: string) => string | undefined
}

const tokens: Readonly<Record<string, string>> = {
  YYYY: '(?<year>\\d{4})',
  YY: '(?<shortYear>\\d{2})',
  MM: '(?<month>\\d{2})',
  M: '(?<month>\\d{1,2})',
  DD: '(?<day>\\d{2})',
  D: '(?<day>\\d{1,2})',
  HH: '(?<hour>\\d{2})',
  H: '(?<hour>\\d{1,2})',
  hh: '(?<hour>\\d{2})',
  h: '(?<hour>\\d{1,2})',
  mm: '(?<minute>\\d{2})',
  ss: '(?<second>\\d{2})',
  A: '(?<half>[AaPp][Mm])',
}
const token = /YYYY|YY|MM|M|DD|D|HH|H|hh|h|mm|ss|A/g
const example = {
  YYYY: '2026',
  YY: '26',
  MM: '01',
  M: '1',
  DD: '31',
  D: '31',
  HH: '17',
  H: '17',
  hh: '05',
  h: '5',
  mm: '00',
  ss: '00',
  A: 'PM',
}

/**
 * A format such as DD.MM.YYYY, or MM/DD/YYYY h:mm A. A text without a time becomes a date; one with a time becomes an instant,
 * with the offset of the time zone, so that midnight stays midnight. Throws if the format does not name a day.
 */
export function createDateFormat(format: string, timeZone: string): DateFormat {
  const letters = format.replace(token, '').match(/(?!T)\p{L}/u)
  const used: readonly string[] = format.match(token) ?? []
  const has = (...names: readonly string[]) => names.some((name) => used.includes(name))
  const isWhole =
    has('YYYY', 'YY') &&
    has('MM', 'M') &&
    has('DD', 'D') &&
    new Set(used.map((name) => (name[0] === 'M' ? 'M' : name))).size === used.length
  const isTimed = has('HH', 'H', 'hh', 'h')
  if (letters !== null || !isWhole || has('hh', 'h') !== has('A') || (!isTimed && has('mm', 'ss')))
    throw new Error(
      `${format} is not a date format. Examples: DD.MM.YYYY, MM/DD/YYYY h:mm A, YYYY-MM-DD HH:mm:ss.`,
    )
  const source = format
    .replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
    .replace(token, (name) => tokens[name] as string)
  const pattern = new RegExp(`^${source}$`)

  return {
    format,
    read(text) {
      const parts = pattern.exec(text)?.groups
      if (parts === undefined) return undefined
      try {
        const date = Temporal.PlainDate.from(dateOf(parts), { overflow: 'reject' })
        if (!isTimed) return date.toString()
        const time = Temporal.PlainTime.from(timeOf(parts), { overflow: 'reject' })
        return date
          .toZonedDateTime({ timeZone, plainTime: time })
          .toString({ timeZoneName: 'never', smallestUnit: 'second' })
      } catch {
        return undefined
      }
    },
  }
}

/** A date in this form, for people. */
export function exampleOf(format: string): string {
  return format.replace(token, (name) => example[name as keyof typeof example])
}

type Parts = Readonly<Record<string, string | undefined>>

function dateOf({ year, shortYear, month, day }: Parts) {
  return {
    year: year === undefined ? 2000 + Number(shortYear) : Number(year),
    month: Number(month),
    day: Number(day),
  }
}

function timeOf({ hour, minute = '0', second = '0', half }: Parts) {
  const isAfternoon = half?.toUpperCase() === 'PM'
  if (half !== undefined && (Number(hour) < 1 || Number(hour) > 12))
    throw new RangeError('No hour of a half day.')
  const hours = half === undefined ? Number(hour) : (Number(hour) % 12) + (isAfternoon ? 12 : 0)
  return { hour: hours, minute: Number(minute), second: Number(second) }
}

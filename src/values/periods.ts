import { invalid } from '../errors.ts'
import type { Calendar } from './calendar.ts'
import { isDate, parseInstant, toTimestamp } from './instants.ts'

/** Days of the company's calendar, both included. A missing bound is open. */
export interface Days {
  readonly first?: string
  readonly last?: string
}

/** The bounds of a list: days, both included, or instants, the end excluded. */
export interface Bounds extends Days {
  readonly from?: string
  readonly before?: string
}

interface SentPeriod {
  readonly start_date?: string | undefined
  readonly end_date?: string | undefined
}

const second = 1000
const endOfYear9999 = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * Reads the period of a report. An instant is taken if it is the first of a day, or, as `end_date`, in the last second of
 * one. `parent` is the path of the bounds in a body. Errors: 400.
 */
export function readDays({ start_date, end_date }: SentPeriod, calendar: Calendar, parent = ''): Days {
  const first = start_date === undefined ? undefined : toFirstDay(start_date, calendar)
  const last = end_date === undefined ? undefined : toLastDay(end_date, calendar)
  const faults = [
    ...(first === null ? [wholeDays('start_date', 'first', calendar)] : []),
    ...(last === null ? [wholeDays('end_date', 'last', calendar)] : []),
    ...(first && last && first > last ? [endsEarlier] : []),
  ]
  if (faults.length > 0)
    throw invalid(faults.map(({ pointer, detail }) => ({ pointer: parent + pointer, detail })))
  return { ...(first && { first }), ...(last && { last }) }
}

/** Reads the period of a list. Errors: 400 if it ends before it starts. */
export function readBounds({ start_date: start, end_date: end }: SentPeriod, calendar: Calendar): Bounds {
  const bounds: Bounds = {
    ...(start !== undefined && (isDate(start) ? { first: start } : { from: toInstant(start) })),
    ...(end !== undefined && (isDate(end) ? { last: end } : { before: toInstant(end) })),
  }
  const { from, before } = toInstants(bounds, calendar)
  const { first, last } = bounds
  const isReversed = first && last ? first > last : from && before ? from > before : false
  if (isReversed) throw invalid([endsEarlier])
  return bounds
}

/** Bounds as instants, the end excluded: a day is that of the calendar. */
export function toInstants({ first, last, ...bounds }: Bounds, calendar: Calendar) {
  const from = first === undefined ? bounds.from : toTimestamp(calendar.startOf(first))
  const end = last === undefined ? undefined : calendar.endOf(last)
  // The instant after the last day of 9999 cannot be written, and nothing is later, so the end is open.
  const before = end === undefined || end > endOfYear9999 ? bounds.before : toTimestamp(end)
  return { ...(from !== undefined && { from }), ...(before !== undefined && { before }) }
}

const endsEarlier = { pointer: 'end_date', detail: 'The period ends before it starts.' }

function wholeDays(pointer: string, place: 'first' | 'last', { timeZone }: Calendar) {
  const detail = `A report counts whole days: send a date such as 2024-01-31, or the ${place} second of a day in ${timeZone}.`
  return { pointer, detail }
}

/** Null: the instant is not the first of a day. */
function toFirstDay(text: string, calendar: Calendar): string | null {
  if (isDate(text)) return text
  const at = parseInstant(text)?.at as number
  const date = calendar.dateOf(at)
  return at === calendar.startOf(date) ? date : null
}

/** Null: the instant is not in the last second of a day. */
function toLastDay(text: string, calendar: Calendar): string | null {
  if (isDate(text)) return text
  const at = parseInstant(text)?.at as number
  const date = calendar.dateOf(at)
  return calendar.endOf(date) - at <= second ? date : null
}

function toInstant(text: string): string {
  return toTimestamp(parseInstant(text)?.at as number)
}

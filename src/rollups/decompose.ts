import type { Days } from '../values/periods.ts'
import type { Span } from './rollups.ts'

/** The spans of a rollup that start in these days. */
export interface Piece extends Required<Days> {
  readonly span: Span
}

type Range = readonly [first: number, last: number]

const day = 86_400_000
// An instant of 1970 may be on a day before it, west of Greenwich.
const earliest = '1969-01-01'
const latest = '9999-12-31'

/** Splits days into whole years, the whole months before and after them, and the days that remain: at most some 90 rows. */
export function decompose({ first = earliest, last = latest }: Days): readonly Piece[] {
  const days: Range = [Date.parse(first), Date.parse(last)]
  const months = wholeSpans(days, startOfMonth)
  const years = wholeSpans(months, startOfYear)
  return [...around(days, months, 'day'), ...around(months, years, 'month'), ...around(years, none, 'year')]
}

const none: Range = [0, -day]

/** The days of a range that are in whole spans. */
function wholeSpans([first, last]: Range, startOf: (at: number, spans: number) => number): Range {
  const start = startOf(first, 0) === first ? first : startOf(first, 1)
  const end = startOf(last + day, 0) - day
  return start <= end ? [start, end] : none
}

/** The days of a range that the inner range lacks. */
function around([first, last]: Range, inner: Range, span: Span): Piece[] {
  const rest: Range[] =
    inner === none
      ? [[first, last]]
      : [
          [first, inner[0] - day],
          [inner[1] + day, last],
        ]
  return rest
    .filter(([first, last]) => first <= last)
    .map(([first, last]) => ({ span, first: toDate(first), last: toDate(last) }))
}

function startOfMonth(at: number, months: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months)
}

function startOfYear(at: number, years: number): number {
  return Date.UTC(new Date(at).getUTCFullYear() + years, 0)
}

const toDate = (at: number) => new Date(at).toISOString().slice(0, 10)

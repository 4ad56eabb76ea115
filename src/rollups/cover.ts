import type { Span } from './rollups.ts'

/** `[from, before)` in instants; open where a bound is missing. */
export interface Period {
  readonly from?: string | undefined
  readonly before?: string | undefined
}

export interface Cover {
  /** Whole years, months and days, each piece `[from, before)` in dates. */
  readonly pieces: readonly (Required<Period> & { readonly span: Span })[]
  /** All of the pieces together, in dates. */
  readonly days: Required<Period>
  /** What is left at the ends, in instants. */
  readonly parts: readonly Required<Period>[]
}

// The instants that the service takes, cut back to whole years.
const first = Date.UTC(1970, 0, 1)
const last = Date.UTC(9999, 0, 1)
const day = 86_400_000

/** Takes a period apart into the fewest whole years, months and days of UTC, and the parts of days left over. */
export function coverOf({ from, before }: Period): Cover {
  const start = clamp(from === undefined ? first : Date.parse(from))
  const end = clamp(before === undefined ? last : Date.parse(before))
  const days = inward(start, end, floorDay)
  const months = days && inward(...days, floorMonth)
  const years = months && inward(...months, floorYear)
  const pieces = [
    ...around(days, months).map((range) => ({ span: 'day' as const, ...inDates(...range) })),
    ...around(months, years).map((range) => ({ span: 'month' as const, ...inDates(...range) })),
    ...around(years, undefined).map((range) => ({ span: 'year' as const, ...inDates(...range) })),
  ]
  return {
    pieces,
    days: inDates(...(days ?? [last, last])),
    parts: around([start, end], days).map((range) => inInstants(...range)),
  }
}

type Range = readonly [number, number]

/** The widest range of whole units within. */
function inward(start: number, end: number, floor: (at: number, units: number) => number): Range | undefined {
  const whole: Range = [floor(start, 0) === start ? start : floor(start, 1), floor(end, 0)]
  return whole[0] < whole[1] ? whole : undefined
}

/** What an inner range leaves of an outer one. */
function around(outer: Range | undefined, inner: Range | undefined): readonly Range[] {
  if (outer === undefined) return []
  const sides: readonly Range[] =
    inner === undefined
      ? [outer]
      : [
          [outer[0], inner[0]],
          [inner[1], outer[1]],
        ]
  return sides.filter(([start, end]) => start < end)
}

function clamp(at: number): number {
  return Math.min(Math.max(at, first), last)
}

const floorDay = (at: number, days: number) => at - (at % day) + days * day

function floorMonth(at: number, months: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1)
}

const floorYear = (at: number, years: number) => Date.UTC(new Date(at).getUTCFullYear() + years, 0, 1)

function inDates(start: number, end: number): Required<Period> {
  return { from: toDate(start), before: toDate(end) }
}

const toDate = (at: number) => new Date(at).toISOString().slice(0, 10)

function inInstants(start: number, end: number): Required<Period> {
  return { from: new Date(start).toISOString(), before: new Date(end).toISOString() }
}

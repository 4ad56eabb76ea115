import type { Span } from './rollups.ts'

/** `[from, before)` as ISO instants; a missing bound is open. */
export interface Period {
  readonly from?: string | undefined
  readonly before?: string | undefined
}

/** A part of a period to add (sign 1) or to subtract (sign -1). */
interface Piece<Of extends string> extends Required<Period> {
  readonly of: Of
  readonly sign: 1 | -1
}

export interface Decomposition {
  /** Pieces to read from a rollup. */
  readonly pieces: readonly Piece<Span>[]
  /** The whole hours that the pieces add up to. */
  readonly hours: Required<Period>
  /** Parts of hours, to read from the record. */
  readonly parts: readonly Piece<'part'>[]
}

type Range = readonly [number, number]

// The instants that the service accepts, in whole years.
const first = Date.UTC(1970, 0, 1)
const last = Date.UTC(9999, 0, 1)
const hour = 3_600_000
const day = 24 * hour

/**
 * Decomposes a period into few rollup spans. Each end moves to the nearest bound of the next wider span; the difference is
 * added or subtracted as pieces of the narrower span. An end needs at most half a day of hours, five days, one dekad, one
 * month and two quarters.
 */
export function decompose({ from, before }: Period): Decomposition {
  const whole: Range = [
    clamp(from === undefined ? first : Date.parse(from)),
    clamp(before === undefined ? last : Date.parse(before)),
  ]
  const hours = widen(whole, floorTo(hour))
  const days = widen(hours, floorTo(day))
  const dekads = widen(days, floorToDekad)
  const months = widen(dekads, floorToMonths(1))
  const quarters = widen(months, floorToMonths(3))
  const years = widen(quarters, floorToMonths(12))
  return {
    pieces: [
      ...between(hours, days).map(toPiece('hour')),
      ...between(days, dekads).map(toPiece('day')),
      ...between(dekads, months).map(toPiece('dekad')),
      ...between(months, quarters).map(toPiece('month')),
      ...between(quarters, years).map(toPiece('quarter')),
      ...between(years, [first, first]).map(toPiece('year')),
    ],
    hours: { from: toInstant(hours[0]), before: toInstant(hours[1]) },
    parts: between(whole, hours).map(toPiece('part')),
  }
}

/** The nearest range of wider spans; empty unless the difference is shorter than the range itself. */
function widen([start, end]: Range, floor: (at: number, spans: number) => number): Range {
  const nearest = (at: number) => {
    const [below, above] = [floor(at, 0), floor(at, 1)]
    return at - below < above - at ? below : above
  }
  const [wideStart, wideEnd] = [nearest(start), nearest(end)]
  const difference = Math.abs(wideStart - start) + Math.abs(wideEnd - end)
  return [wideStart, difference < end - start ? wideEnd : wideStart]
}

/** The pieces to add to or subtract from the wider range to get the range. */
function between([start, end]: Range, [wideStart, wideEnd]: Range): readonly (readonly [...Range, 1 | -1])[] {
  if (wideStart >= wideEnd) return start < end ? [[start, end, 1]] : []
  return [
    ...(start < wideStart ? [[start, wideStart, 1] as const] : []),
    ...(wideStart < start ? [[wideStart, start, -1] as const] : []),
    ...(wideEnd < end ? [[wideEnd, end, 1] as const] : []),
    ...(end < wideEnd ? [[end, wideEnd, -1] as const] : []),
  ]
}

function clamp(at: number): number {
  return Math.min(Math.max(at, first), last)
}

const floorTo = (unit: number) => (at: number, units: number) => at - (at % unit) + units * unit

function floorToDekad(at: number, dekads: number): number {
  const date = new Date(at)
  const dekad = Math.min(Math.floor((date.getUTCDate() - 1) / 10), 2) + dekads
  return dekad > 2 ? nextMonth(at) : Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1 + 10 * dekad)
}

const floorToMonths = (unit: number) => (at: number, units: number) => {
  const date = new Date(at)
  const month = date.getUTCMonth()
  return Date.UTC(date.getUTCFullYear(), month - (month % unit) + units * unit, 1)
}

const nextMonth = (at: number) => floorToMonths(1)(at, 1)

function toPiece<Of extends string>(of: Of) {
  return ([start, end, sign]: readonly [...Range, 1 | -1]): Piece<Of> => ({
    of,
    sign,
    from: toInstant(start),
    before: toInstant(end),
  })
}

const toInstant = (at: number) => new Date(at).toISOString()

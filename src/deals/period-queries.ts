import { type RawBuilder, sql } from 'kysely'
import { toTimestamp } from '../values/instants.ts'
import type { Bounds, Days } from '../values/periods.ts'

/**
 * Whether a deal closed within the bounds: by its day, or by its instant. `closedDate` is a column of an index that equals
 * deals.closed_date.
 */
export function closedWithin(
  { first, last, from, before }: Bounds,
  closedDate: RawBuilder<unknown> = sql.ref('deals.closed_date'),
): RawBuilder<boolean> {
  const days = { ...(first && { first }), ...(last && { last }) }
  return all(
    mayBeOn(days, closedDate),
    first !== undefined && byDay(sql`deals.closed_on >= ${first}`, closedBetween({ first }, closedDate, 0)),
    last !== undefined && byDay(sql`deals.closed_on <= ${last}`, closedBetween({ last }, closedDate, 0)),
    from !== undefined && sql`${closedDate} >= ${from}`,
    before !== undefined && sql`${closedDate} < ${before}`,
  )
}

// A deal of an earlier release has no day until a job fills it in, and counts on its day in UTC. With coalesce() the planner
// could not tell how many deals there are.
function byDay(onDay: RawBuilder<unknown>, inUtc: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql`(${onDay} or deals.closed_on is null and ${inUtc})`
}

/** Whether a deal that closed then may count on these days: an index of instants is read by this. */
function mayBeOn(days: Days, closedDate: RawBuilder<unknown>): RawBuilder<boolean> {
  return closedBetween(days, closedDate, furthest)
}

const hour = 3_600_000
// Offsets and time zones are at most 14:59 from UTC.
const furthest = 15 * hour
// The instants after it cannot be written.
const latest = '9999-12-28'

/** Whether an instant is on these days of UTC, or within `margin` of them. */
function closedBetween(
  { first, last }: Days,
  closedDate: RawBuilder<unknown>,
  margin: number,
): RawBuilder<boolean> {
  return all(
    first !== undefined && sql`${closedDate} >= ${toTimestamp(Date.parse(first) - margin)}`,
    last !== undefined &&
      last < latest &&
      sql`${closedDate} < ${toTimestamp(Date.parse(last) + 24 * hour + margin)}`,
  )
}

/** All of the conditions; those that are false are left out. */
export function all(...conditions: readonly (RawBuilder<unknown> | false)[]): RawBuilder<boolean> {
  const given = conditions.filter((condition) => condition !== false)
  return given.length === 0 ? sql`true` : sql`${sql.join(given, sql` and `)}`
}

import { type Kysely, sql } from 'kysely'
import { type Journey, qualify } from '../attribution/journey.ts'
import type { Touch } from '../attribution/touch.ts'
import type { Database } from '../database/tables.ts'
import { type DealState, toJourney } from './journeys.ts'
import type { TouchRevision } from './schemas.ts'

/** All touchpoints that these deals have or had, with their earlier revisions. */
export async function listRevisions(
  db: Kysely<Database>,
  dealIds: readonly string[],
  limit?: number,
): Promise<readonly TouchRevision[]> {
  const { rows } = await sql<TouchRevision>`
    select id, revision, deal_id, partner_id, touchpoint_type, timestamp, known_from, null::integer as known_until,
      void_from, coalesce(revised_at, created_at) as since, voided_at, null::timestamptz as replaced_at
    from events where deal_id = any(${dealIds}::text[])
    union all
    select event_id, revision, deal_id, partner_id, touchpoint_type, timestamp, known_from, known_until,
      void_from, coalesce(revised_at, created_at), voided_at, replaced_at
    from event_revisions where deal_id = any(${dealIds}::text[])
    ${limit === undefined ? sql`` : sql`limit ${limit}`}`.execute(db)
  return rows
}

interface Moment {
  readonly version: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What a deal had of an event from a version, and an instant, on. */
interface State {
  readonly from: number
  readonly since: number
  /** Undefined: the event is not on the deal. */
  readonly touch: Touch | undefined
}

/**
 * The journey of a version as it was known at an instant. What the version counts is known by its number. A change that the
 * split does not read (of a touchpoint outside the window, before and after) makes no version, so it is known by its instant.
 */
export function toPastJourney(
  state: DealState,
  revisions: readonly TouchRevision[],
  { version, at }: Moment,
): Journey {
  const events = [...Map.groupBy(revisions, ({ id }) => id).values()].map(listStates)
  const journey = toJourney(state, [])
  const touches = events.flatMap((states) => states.flatMap(({ touch }) => touch ?? []))
  const counted = new Set(qualify({ ...journey, touches }).qualifying)
  const whatCounts = ({ touch }: State) =>
    touch !== undefined && counted.has(touch)
      ? `${touch.partner_id} ${touch.touchpoint_type} ${touch.at}`
      : undefined
  const known = events.flatMap((states) => {
    const recorded = whatCounts(states.findLast(({ from }) => from <= version) as State)
    const last = states.findLast(
      (one) => (one.from <= version || one.since <= at) && whatCounts(one) === recorded,
    )
    return last?.touch ?? []
  })
  return { ...journey, touches: known }
}

/** The states of one event on one deal, in their order. */
function listStates(revisions: readonly TouchRevision[]): State[] {
  const states: State[] = [{ from: -Infinity, since: -Infinity, touch: undefined }]
  const inOrder = revisions.toSorted((a, b) => a.revision - b.revision)
  for (const [index, row] of inOrder.entries()) {
    const { revision, known_from, known_until, void_from, voided_at, replaced_at } = row
    const since = Date.parse(row.since)
    const voidedAt = voided_at === null ? Infinity : Date.parse(voided_at)
    if (voidedAt > since) states.push({ from: known_from, since, touch: toTouch(row, false) })
    if (void_from !== null)
      states.push({
        from: Math.max(known_from, void_from),
        since: Math.max(since, voidedAt),
        touch: toTouch(row, true),
      })
    // Between two revisions the event was on another deal, unless one follows the other.
    if (known_until !== null && inOrder[index + 1]?.revision !== revision + 1)
      states.push({ from: known_until, since: Date.parse(replaced_at as string), touch: undefined })
  }
  return states
}

function toTouch({ id, partner_id, touchpoint_type, timestamp }: TouchRevision, is_void: boolean): Touch {
  return { id, partner_id, touchpoint_type, at: Date.parse(timestamp), is_void }
}

import { hash } from 'node:crypto'
import { v7 as uuid } from 'uuid'
import { type Fault, invalid } from '../errors.ts'
import type { Calendar } from '../values/calendar.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import { isDate, type Moment, parseMoment, toTimestamp } from '../values/instants.ts'
import { faultsOfMetadata } from '../values/metadata.ts'
import type { EventSubmission } from './queries.ts'
import type { NewEvent } from './schemas.ts'

const futureMs = 5 * 60_000

/** Whose events they are, and the calendar of their days. */
export interface EventAuthor {
  readonly keyId: string
  readonly calendar: Calendar
}

/** Checks and converts events as a client sent them. Errors: 400 with every fault. */
export function readEvents(
  events: readonly NewEvent[],
  author: EventAuthor,
  pointerOf: (index: number) => string = () => '',
): EventSubmission[] {
  const now = Date.now()
  const read = events.map((event) => ({ event, at: instantOf(event, author, now) }))
  const faults = read.flatMap(({ event, at }, index) => faultsOf(event, at - now, pointerOf(index)))
  if (faults.length > 0) throw invalid(faults)
  return read.map(({ event, at }) => toSubmission(event, at, author))
}

function instantOf({ timestamp }: NewEvent, { calendar }: EventAuthor, now: number): number {
  return timestamp === undefined ? now : (parseMoment(timestamp, calendar) as Moment).at
}

function toSubmission(event: NewEvent, at: number, { calendar, keyId }: EventAuthor): EventSubmission {
  // A date stays a text: after a change of the time zone it is another instant, and the same submission.
  const isInstant = event.timestamp !== undefined && !isDate(event.timestamp)
  const parsed = isInstant ? { ...event, timestamp: at } : event
  return {
    id: event.id ?? `evt_${uuid()}`,
    partner_id: event.partner_id,
    deal_id: event.deal_id,
    touchpoint_type: event.touchpoint_type,
    timestamp: toTimestamp(at),
    happened_on: calendar.dateOf(at),
    metadata: event.metadata ?? null,
    submission: hash('sha256', canonicalJson(parsed), 'buffer'),
    keyId,
  }
}

function faultsOf({ metadata }: NewEvent, aheadMs: number, pointer: string): Fault[] {
  const faults: Fault[] = []
  if (aheadMs > futureMs) {
    faults.push({
      pointer: `${pointer}/timestamp`,
      detail: 'The instant is more than 5 minutes in the future.',
    })
  }
  return [...faults, ...faultsOfMetadata(metadata, pointer)]
}

import { isDeepStrictEqual } from 'node:util'
import type { DeclaredEventLine, Event, EventDeclaration } from './schemas.ts'
import type { EventSubmission } from './queries.ts'
import { type EventAuthor, readEvents } from './read-events.ts'

/** An event as a client knows it. */
export interface Declaration {
  readonly id: string
  /** What is stored if the event is new. */
  readonly submission: EventSubmission
  /** The fields that were sent, as a stored event has them. */
  readonly fields: Partial<Event>
  readonly note: string | undefined
}

/** Checks and converts a declaration. Errors: 400. */
export function readDeclaration(
  id: string,
  { note, metadata, ...sent }: EventDeclaration | Omit<DeclaredEventLine, 'kind'>,
  author: EventAuthor,
): Declaration {
  // The digest is that of a `POST` of the same fields.
  const event = { ...sent, ...(metadata && { metadata }), id }
  const [submission] = readEvents([event], author) as [EventSubmission]
  const { partner_id, deal_id, touchpoint_type, timestamp } = submission
  const fields = {
    partner_id,
    deal_id,
    touchpoint_type,
    ...(sent.timestamp !== undefined && { timestamp }),
    ...(metadata !== undefined && { metadata }),
  }
  return { id, submission, fields, note }
}

/** Whether a stored event is what the client says. */
export function isSameEvent(event: Event, { fields }: Declaration): boolean {
  return Object.entries(fields).every(([name, value]) => isDeepStrictEqual(event[name as keyof Event], value))
}

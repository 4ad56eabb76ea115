import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { Conflict } from '../errors.ts'
import type { WriteOutcome } from '../http/idempotency.ts'
import type { DealRecord } from '../record/record.ts'
import type { Calendar } from '../values/calendar.ts'
import { correctEvents, type Corrected, type EventCorrection } from './correct.ts'
import { ingest, type Ingested } from './ingest.ts'
import { lockEvents } from './lock-events.ts'
import type { EventSubmission } from './queries.ts'
import { type EventAuthor, readEvents } from './read-events.ts'
import type { Event, EventDeclaration } from './schemas.ts'

/** An event as a client knows it: what is stored if it is new, and what changes if it is not. */
export interface Declaration {
  readonly id: string
  readonly submission: EventSubmission
  readonly correction: EventCorrection
}

/** Checks and converts a declaration. Errors: 400. */
export function readDeclaration(
  { note, metadata, ...sent }: EventDeclaration & { readonly id: string },
  author: EventAuthor,
): Declaration {
  // The digest is that of a `POST` of the same fields.
  const [submission] = readEvents([{ ...sent, ...(metadata && { metadata }) }], author) as [EventSubmission]
  const { id, partner_id, deal_id, touchpoint_type, timestamp, keyId } = submission
  const change = {
    partner_id,
    deal_id,
    touchpoint_type,
    ...(sent.timestamp !== undefined && { timestamp }),
    ...(metadata !== undefined && { metadata }),
  }
  return { id, submission, correction: { id, change, keyId, note } }
}

interface Declaring {
  readonly record: DealRecord
  readonly calendar: Calendar
}

/** Stores or corrects an event, so that it is what the client says. Errors: 400, 409. */
export async function declareEvent(
  trx: Kysely<Database>,
  declaring: Declaring,
  { id, submission, correction }: Declaration,
): Promise<WriteOutcome<{ event: Event }>> {
  const isStored = (await lockEvents(trx, [id], [submission.deal_id])).has(id)
  const [result] = isStored
    ? ((await correctEvents(trx, declaring, [correction])) as [Corrected])
    : ((await ingest(trx, declaring.record, [submission])) as [Ingested])
  if ('refusal' in result) {
    // Another request has stored the event on another deal, whose lock cannot be taken any more.
    if (!isStored && result.fault.pointer === '/id') throw new Conflict()
    throw result.refusal
  }
  return { status: isStored ? 200 : 201, body: { event: result.event } }
}

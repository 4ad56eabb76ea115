import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealFull, EventExists, type Fault, invalid, PartnerInactive, UnknownReference } from '../errors.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import type { WriteOutcome } from '../http/idempotency.ts'
import { parseInstant, toTimestamp } from '../values/instants.ts'
import { type Attribute, recordChanges } from '../record/versions.ts'
import { admit, type Admission, uncountedTouchpoints } from './deal-capacity.ts'
import {
  type EventSubmission,
  insertEvents,
  listPartnerStatuses,
  listSubmitted,
  type StoredEvent,
} from './queries.ts'
import { type Accepted, type Event, mostTouchpoints, type NewEvent } from './schemas.ts'

const futureMs = 5 * 60_000
const metadataBytes = 16_384
const metadataDepth = 16

/** The result of a submission: stored now, already stored before, or refused. */
export type Ingested =
  | { readonly event: Event; readonly isNew: boolean }
  | { readonly refusal: Error; readonly fault: Fault }

/** Checks and converts events as a client sent them. Errors: 400 with every fault. */
export function readEvents(
  events: readonly NewEvent[],
  pointerOf: (index: number) => string,
): EventSubmission[] {
  const now = Date.now()
  const faults = events.flatMap((event, index) => faultsOf(event, now, pointerOf(index)))
  if (faults.length > 0) throw invalid(faults)
  return events.map((event) => toSubmission(event, now))
}

/** Stores events and splits their closed deals again, in one transaction; the caller holds the locks of the deals. */
export async function ingest(
  trx: Kysely<Database>,
  attribute: Attribute,
  submissions: readonly EventSubmission[],
): Promise<Ingested[]> {
  // When several submissions have the same id, the first valid one is stored and the others are compared with it.
  const firsts = new Map(submissions.toReversed().map((submission) => [contentOf(submission), submission]))
  const fresh = new Map<EventSubmission, StoredEvent>()
  const closed = new Set<string>()
  const take = (inserted: Awaited<ReturnType<typeof insertEvents>>) => {
    for (const { is_closed, ...event } of inserted) {
      fresh.set(firsts.get(contentOf(event)) as EventSubmission, event)
      if (is_closed) closed.add(event.deal_id)
    }
  }
  take(await insertEvents(trx, submissions, uncountedTouchpoints))
  const rest = submissions.filter((submission) => !fresh.has(submission))
  const counted = rest.length === 0 ? undefined : await insertCounted(trx, rest)
  take(counted?.inserted ?? [])
  if (closed.size > 0) await recordChanges(trx, { attribute, dealIds: [...closed], reason: 'late_event' })

  return submissions.map((given) => {
    const event = fresh.get(given)
    if (event === undefined) return counted?.explain(given) as Ingested
    return { event: toEvent(event, given), isNew: true }
  })
}

/** Inserts the events that fit into deals with many touchpoints; `explain` gives the result of any other event. */
async function insertCounted(trx: Kysely<Database>, rest: readonly EventSubmission[]) {
  const found = await findStored(trx, rest)
  const storable = rest.filter(
    ({ id, partner_id }) => !found.byId.has(id) && found.statuses.get(partner_id) === 'active',
  )
  const { admitted, full } = await admit(trx, storable)
  if (admitted.length === 0) return { inserted: [], explain: createExplain(found, full) }
  const inserted = await insertEvents(trx, admitted, mostTouchpoints)
  return { inserted, explain: createExplain(await findStored(trx, rest), full) }
}

/** Locks the deals of these events, then ingests the events. */
export async function lockAndIngest(
  trx: Kysely<Database>,
  attribute: Attribute,
  submissions: readonly EventSubmission[],
): Promise<Ingested[]> {
  await lockDeals(
    trx,
    submissions.map(({ deal_id }) => deal_id),
  )
  return ingest(trx, attribute, submissions)
}

/** Stores one event. Errors: 400 or 409. */
export async function ingestOne(
  trx: Kysely<Database>,
  attribute: Attribute,
  event: NewEvent,
): Promise<WriteOutcome<{ event: Event }>> {
  const [result] = await lockAndIngest(
    trx,
    attribute,
    readEvents([event], () => ''),
  )
  return outcomeOf(result as Ingested)
}

/** The answer for one event. Throws if the event was refused. */
export function outcomeOf(result: Ingested): WriteOutcome<{ event: Event }> {
  if ('refusal' in result) throw result.refusal
  return { status: result.isNew ? 201 : 200, body: { event: result.event } }
}

/** Stores all of these events, or none if any is refused. Errors: 400 or 409 with the faults by index. */
export async function ingestAll(
  trx: Kysely<Database>,
  attribute: Attribute,
  events: readonly NewEvent[],
): Promise<Accepted> {
  const submissions = readEvents(events, (index) => `/events/${index}`)
  const ingested = await lockAndIngest(trx, attribute, submissions)
  const faults = ingested.flatMap((result, index) =>
    'fault' in result ? [{ ...result.fault, pointer: `/events/${index}${result.fault.pointer}` }] : [],
  )
  const refused = ingested.find((result) => 'refusal' in result)
  if (refused !== undefined) throw Object.assign(refused.refusal, { faults })
  const accepted = ingested.filter((result) => 'isNew' in result && result.isNew).length
  return { accepted, duplicates: events.length - accepted }
}

function contentOf({ id, submission }: Pick<EventSubmission, 'id' | 'submission'>): string {
  return `${id} ${submission.toString('hex')}`
}

// Both have the same digest and so the same metadata, which may be large: it is not read again.
function toEvent({ submission: _, ...event }: StoredEvent, { metadata }: EventSubmission): Event {
  return { ...event, metadata }
}

/** The stored events with the ids of these submissions, and the status of their partners. */
async function findStored(trx: Kysely<Database>, submissions: readonly EventSubmission[]) {
  const stored = await listSubmitted(
    trx,
    submissions.map(({ id }) => id),
  )
  const partnerIds = [...new Set(submissions.map(({ partner_id }) => partner_id))]
  const statuses = await listPartnerStatuses(trx, partnerIds)
  return { byId: new Map(stored.map((event) => [event.id, event])), statuses }
}

/** Returns a function that tells why an event was not inserted: it is stored already, or it is refused. */
function createExplain({ byId, statuses }: Awaited<ReturnType<typeof findStored>>, full: Admission['full']) {
  return (given: EventSubmission): Ingested => {
    const { id, partner_id, deal_id } = given
    const found = byId.get(id)
    if (found?.submission.equals(given.submission)) return { event: toEvent(found, given), isNew: false }
    if (!statuses.has(partner_id)) {
      return refuse(new UnknownReference(), '/partner_id', `No partner has the id ${partner_id}.`)
    }
    if (found !== undefined) return refuse(new EventExists(id), '/id', `The id ${id} holds another event.`)
    const isFull = full.get(given)
    if (isFull !== undefined) return refuse(new DealFull(deal_id), '/deal_id', isFull)
    return refuse(new PartnerInactive(partner_id), '/partner_id', `Partner ${partner_id} is inactive.`)
  }
}

function refuse(refusal: Error, pointer: string, detail: string): Ingested {
  const fault = { pointer, detail }
  return { refusal: Object.assign(refusal, { faults: [fault] }), fault }
}

function toSubmission(event: NewEvent, now: number): EventSubmission {
  const at = event.timestamp === undefined ? now : (parseInstant(event.timestamp)?.at as number)
  const parsed = event.timestamp === undefined ? event : { ...event, timestamp: at }
  return {
    id: event.id ?? `evt_${uuid()}`,
    partner_id: event.partner_id,
    deal_id: event.deal_id,
    touchpoint_type: event.touchpoint_type,
    timestamp: toTimestamp(at),
    metadata: event.metadata ?? null,
    submission: hash('sha256', canonicalJson(parsed), 'buffer'),
  }
}

function faultsOf({ timestamp, metadata }: NewEvent, now: number, pointer: string): Fault[] {
  const faults: Fault[] = []
  if (timestamp !== undefined && (parseInstant(timestamp)?.at ?? 0) > now + futureMs) {
    faults.push({
      pointer: `${pointer}/timestamp`,
      detail: 'The instant is more than 5 minutes in the future.',
    })
  }
  if (metadata !== undefined && Buffer.byteLength(JSON.stringify(metadata)) > metadataBytes) {
    faults.push({ pointer: `${pointer}/metadata`, detail: 'The metadata is larger than 16 kB.' })
  } else if (metadata !== undefined && depthOf(metadata) > metadataDepth) {
    faults.push({
      pointer: `${pointer}/metadata`,
      detail: 'The metadata is nested more than 16 levels deep.',
    })
  }
  return faults
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Object.values(value).reduce((deepest: number, item) => Math.max(deepest, depthOf(item)), 0)
}

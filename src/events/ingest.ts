import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealFull, EventExists, type Fault, PartnerInactive, UnknownReference } from '../errors.ts'
import type { WriteOutcome } from '../http/idempotency.ts'
import { causeOf } from '../record/cause.ts'
import { findMergedInto } from '../record/merged-partners.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded } from '../record/recorded-deals.ts'
import { admit, type Admission, uncountedTouchpoints } from './deal-capacity.ts'
import {
  type EventSubmission,
  listPresences,
  listSubmitted,
  storeEvents,
  type StoredEvent,
  toParameters,
} from './queries.ts'
import { type EventAuthor, readEvents } from './read-events.ts'
import { type Accepted, type Event, mostTouchpoints, type NewEvent } from './schemas.ts'

/** The result of a submission: stored now, already stored before, or refused. */
export type Ingested =
  | { readonly event: Event; readonly isNew: boolean }
  | { readonly refusal: Error; readonly fault: Fault }

/** Stores events and splits their closed deals again, in one transaction; the caller holds the locks of the deals. */
export async function ingest(
  trx: Kysely<Database>,
  record: DealRecord,
  submissions: readonly EventSubmission[],
): Promise<Ingested[]> {
  // When several submissions have the same id, the first valid one is stored and the others are compared with it.
  const firsts = [...new Map(submissions.toReversed().map((event) => [event.id, event])).values()]
  const created = await storeEvents(trx, toParameters(firsts), {
    most: uncountedTouchpoints,
    onlyOpen: false,
  })
  const fresh = new Set(firsts.filter(({ id }) => created.has(id)))
  const isStored = (submission: EventSubmission) => fresh.has(submission)
  const current = await withoutMerged(trx, submissions, isStored)
  const rest = current.filter((submission) => !isStored(submission))
  const counted = rest.length === 0 ? undefined : await storeCounted(trx, rest)
  for (const event of counted?.stored ?? []) fresh.add(event)
  await recordEvents(trx, record, [...fresh])
  const createdAt = new Map([...created, ...(counted?.created ?? [])])
  return current.map((given) =>
    fresh.has(given) ? toIngested(given, createdAt.get(given.id) as string) : counted!.explain(given),
  )
}

/** Those that are not stored, with the partners that theirs were merged into. A merge begins before this or after the commit. */
async function withoutMerged(
  trx: Kysely<Database>,
  submissions: readonly EventSubmission[],
  isStored: (submission: EventSubmission) => boolean,
): Promise<readonly EventSubmission[]> {
  const rest = submissions.filter((submission) => !isStored(submission))
  const mergedInto = await findMergedInto(trx, [...new Set(rest.map(({ partner_id }) => partner_id))])
  if (mergedInto.size === 0) return submissions
  return submissions.map((given) => {
    const partner_id = mergedInto.get(given.partner_id)
    return isStored(given) || partner_id === undefined ? given : { ...given, partner_id }
  })
}

/** Stores the events that fit into deals with many touchpoints; `explain` gives the result of any other event. */
async function storeCounted(trx: Kysely<Database>, rest: readonly EventSubmission[]) {
  const found = await findStored(trx, rest)
  const storable = rest.filter((given) => !found.byId.has(given.id) && found.presences.get(given) === true)
  const { admitted, full } = await admit(trx, storable)
  const created = await storeEvents(trx, toParameters(admitted), { most: mostTouchpoints, onlyOpen: false })
  const stored = admitted.filter(({ id }) => created.has(id))
  const known = admitted.length === 0 ? found : await findStored(trx, rest)
  return { created, stored, explain: createExplain(known, full) }
}

/** Splits the closed deals of these events again, and counts the touchpoints. */
async function recordEvents(
  trx: Kysely<Database>,
  record: DealRecord,
  stored: readonly EventSubmission[],
): Promise<void> {
  const byDeal = Map.groupBy(stored, ({ deal_id }) => deal_id)
  const deals = await findRecorded(trx, [...byDeal.keys()])
  const changes = [...byDeal].map(([deal_id, own]) => ({
    deal_id,
    before: deals.get(deal_id),
    touchpoints: own.map((event) => ({ ...event, day: event.happened_on, count: 1 as const })),
    cause: causeOf({
      event_ids: own.map(({ id }) => id),
      api_key_ids: own.map(({ keyId }) => keyId),
    }),
  }))
  await record.change(trx, 'late_event', changes)
}

/** Locks the deals of these events, then ingests the events. */
export async function lockAndIngest(
  trx: Kysely<Database>,
  record: DealRecord,
  submissions: readonly EventSubmission[],
): Promise<Ingested[]> {
  await lockDeals(
    trx,
    submissions.map(({ deal_id }) => deal_id),
  )
  return ingest(trx, record, submissions)
}

/** Stores all of these events, or none if any is refused. Errors: 400 or 409 with the faults by index. */
export async function ingestAll(
  trx: Kysely<Database>,
  record: DealRecord,
  { events, author }: { readonly events: readonly NewEvent[]; readonly author: EventAuthor },
): Promise<Accepted> {
  const submissions = readEvents(events, author, (index) => `/events/${index}`)
  const ingested = await lockAndIngest(trx, record, submissions)
  const faults = ingested.flatMap((result, index) =>
    'fault' in result ? [{ ...result.fault, pointer: `/events/${index}${result.fault.pointer}` }] : [],
  )
  const refused = ingested.find((result) => 'refusal' in result)
  if (refused !== undefined) throw Object.assign(refused.refusal, { faults })
  const accepted = ingested.filter((result) => 'isNew' in result && result.isNew).length
  return { accepted, duplicates: events.length - accepted }
}

/** The answer for one event. Throws if the event was refused. */
export function outcomeOf(result: Ingested): WriteOutcome<{ event: Event }> {
  if ('refusal' in result) throw result.refusal
  return { status: result.isNew ? 201 : 200, body: { event: result.event } }
}

// An event that was never revised has the metadata of its submission, which may be large: it is not read again.
function toEvent(stored: StoredEvent, { metadata }: EventSubmission): Event {
  const { submission: _, revision, revised_metadata, ...event } = stored
  return { ...event, metadata: revision === 1 ? metadata : revised_metadata }
}

/** A submission as the event that was stored from it. */
export function toIngested(given: EventSubmission, created_at: string): Ingested {
  const { submission: _, happened_on: __, keyId: ___, ...event } = given
  return { event: { ...event, voided_at: null, void_reason: null, created_at }, isNew: true }
}

/** The stored events with the ids of these submissions, and whether their partners were active. */
async function findStored(trx: Kysely<Database>, submissions: readonly EventSubmission[]) {
  const stored = await listSubmitted(
    trx,
    submissions.map(({ id }) => id),
  )
  const presences = await listPresences(trx, submissions)
  return { byId: new Map(stored.map((event) => [event.id, event])), presences }
}

/** Returns a function that tells why an event was not inserted: it is stored already, or it is refused. */
function createExplain(
  { byId, presences }: Awaited<ReturnType<typeof findStored>>,
  full: Admission<EventSubmission>['full'],
) {
  return (given: EventSubmission): Ingested => {
    const { id, partner_id, deal_id } = given
    const found = byId.get(id)
    if (found?.submission.equals(given.submission)) return { event: toEvent(found, given), isNew: false }
    if (!presences.has(given)) {
      return refuse(new UnknownReference(), '/partner_id', `No partner has the id ${partner_id}.`)
    }
    if (found !== undefined) return refuse(new EventExists(id), '/id', `The id ${id} holds another event.`)
    const isFull = full.get(given)
    if (isFull !== undefined) return refuse(new DealFull(deal_id), '/deal_id', isFull)
    return refuse(
      new PartnerInactive(partner_id),
      '/partner_id',
      `Partner ${partner_id} was inactive at the time of this touchpoint.`,
    )
  }
}

function refuse(refusal: Error, pointer: string, detail: string): Ingested {
  const fault = { pointer, detail }
  return { refusal: Object.assign(refusal, { faults: [fault] }), fault }
}

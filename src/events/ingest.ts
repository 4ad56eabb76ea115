import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealFull, EventExists, type Fault, invalid, PartnerInactive, UnknownReference } from '../errors.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import type { Outcome } from '../http/idempotency.ts'
import { parseInstant, toTimestamp } from '../values/instants.ts'
import { type Attribute, recordChanges } from '../record/versions.ts'
import { admit, type Admission, uncrowded } from './capacity.ts'
import {
  insertEvents,
  listPartnerStatuses,
  listSubmitted,
  type StoredEvent,
  type Submission,
} from './queries.ts'
import { type Accepted, type Event, mostTouchpoints, type NewEvent } from './schemas.ts'

const aheadMs = 5 * 60_000
const metadataBytes = 16_384
const metadataDepth = 16

/** What became of a submission: stored now, found as it was stored before, or refused. */
export type Ingested =
  | { readonly event: Event; readonly isNew: boolean }
  | { readonly refusal: Error; readonly fault: Fault }

/** Reads events as they were sent; all faults are reported with their pointers. Errors: 400. */
export function readEvents(events: readonly NewEvent[], pointerOf: (index: number) => string): Submission[] {
  const now = Date.now()
  const faults = events.flatMap((event, index) => faultsOf(event, now, pointerOf(index)))
  if (faults.length > 0) throw invalid(faults)
  return events.map((event) => toSubmission(event, now))
}

/** Stores events and splits again, in the same transaction, every closed deal among theirs; the caller holds the locks. */
export async function ingest(
  trx: Kysely<Database>,
  attribute: Attribute,
  submissions: readonly Submission[],
): Promise<Ingested[]> {
  // Of several submissions under one id the first that can be stored counts; the others are measured against it.
  const firsts = new Map(submissions.toReversed().map((submission) => [contentOf(submission), submission]))
  const fresh = new Map<Submission, StoredEvent>()
  const closed = new Set<string>()
  const take = (inserted: Awaited<ReturnType<typeof insertEvents>>) => {
    for (const { is_closed, ...event } of inserted) {
      fresh.set(firsts.get(contentOf(event)) as Submission, event)
      if (is_closed) closed.add(event.deal_id)
    }
  }
  take(await insertEvents(trx, submissions, uncrowded))
  const rest = submissions.filter((submission) => !fresh.has(submission))
  const crowded = rest.length === 0 ? undefined : await ingestCrowded(trx, rest)
  take(crowded?.inserted ?? [])
  if (closed.size > 0) await recordChanges(trx, attribute, [...closed], 'late_event')

  return submissions.map((given) => {
    const event = fresh.get(given)
    if (event === undefined) return crowded?.explain(given) as Ingested
    return { event: toEvent(event, given), isNew: true }
  })
}

/** Stores those events that are for deals with many touchpoints and find room there; tells of the others why not. */
async function ingestCrowded(trx: Kysely<Database>, rest: readonly Submission[]) {
  const found = await look(trx, rest)
  const storable = rest.filter(
    ({ id, partner_id }) => !found.byId.has(id) && found.statuses.get(partner_id) === 'active',
  )
  const { admitted, full } = await admit(trx, storable)
  if (admitted.length === 0) return { inserted: [], explain: explainer(found, full) }
  const inserted = await insertEvents(trx, admitted, mostTouchpoints)
  return { inserted, explain: explainer(await look(trx, rest), full) }
}

/** The same for a caller that holds no locks. */
export async function lockAndIngest(
  trx: Kysely<Database>,
  attribute: Attribute,
  submissions: readonly Submission[],
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
): Promise<Outcome<{ event: Event }>> {
  const [result] = await lockAndIngest(
    trx,
    attribute,
    readEvents([event], () => ''),
  )
  return outcomeOf(result as Ingested)
}

/** What to answer for one event; throws its refusal. */
export function outcomeOf(result: Ingested): Outcome<{ event: Event }> {
  if ('refusal' in result) throw result.refusal
  return { status: result.isNew ? 201 : 200, body: { event: result.event } }
}

/** Stores all of these events or, where any is refused, none. Errors: 400 or 409 with the faults by index. */
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

function contentOf({ id, submission }: Pick<Submission, 'id' | 'submission'>): string {
  return `${id} ${submission.toString('hex')}`
}

// Their digests are the same, and so are their metadata, which may be large and need not be read.
function toEvent({ submission: _, ...event }: StoredEvent, { metadata }: Submission): Event {
  return { ...event, metadata }
}

/** What is stored under the ids of these submissions, and the status of their partners. */
async function look(trx: Kysely<Database>, submissions: readonly Submission[]) {
  const stored = await listSubmitted(
    trx,
    submissions.map(({ id }) => id),
  )
  const partnerIds = [...new Set(submissions.map(({ partner_id }) => partner_id))]
  const statuses = await listPartnerStatuses(trx, partnerIds)
  return { byId: new Map(stored.map((event) => [event.id, event])), statuses }
}

function explainer({ byId, statuses }: Awaited<ReturnType<typeof look>>, full: Admission['full']) {
  return (given: Submission): Ingested => {
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

function toSubmission(event: NewEvent, now: number): Submission {
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
  if (timestamp !== undefined && (parseInstant(timestamp)?.at ?? 0) > now + aheadMs) {
    faults.push({ pointer: `${pointer}/timestamp`, detail: 'The timestamp is more than 5 minutes ahead.' })
  }
  if (metadata !== undefined && Buffer.byteLength(JSON.stringify(metadata)) > metadataBytes) {
    faults.push({ pointer: `${pointer}/metadata`, detail: 'The metadata are larger than 16 kB.' })
  } else if (metadata !== undefined && depthOf(metadata) > metadataDepth) {
    faults.push({
      pointer: `${pointer}/metadata`,
      detail: 'The metadata are nested more than 16 levels deep.',
    })
  }
  return faults
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Object.values(value).reduce((deepest: number, item) => Math.max(deepest, depthOf(item)), 0)
}

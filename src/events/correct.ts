import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import {
  DealFull,
  EventNotFound,
  EventVoid,
  type Fault,
  PartnerInactive,
  UnknownReference,
} from '../errors.ts'
import { findMergedInto } from '../record/merged-partners.ts'
import type { DealRecord } from '../record/record.ts'
import type { EventFacts, Revision } from '../record/revise-touches.ts'
import type { Calendar } from '../values/calendar.ts'
import { isSameValue } from '../values/same-value.ts'
import { admit, listFullOfRevisions } from './deal-capacity.ts'
import { lockEvents } from './lock-events.ts'
import { listPresences } from './queries.ts'
import { reviseEvents } from './revise.ts'
import { findRevisable, type RevisableEvent } from './revision-queries.ts'
import { type Event, mostRevisions } from './schemas.ts'

/** What an event is from now on, checked and converted. Fields that are left out stay as they are. */
export interface EventCorrection {
  readonly id: string
  readonly change: Partial<
    Pick<Event, 'partner_id' | 'deal_id' | 'touchpoint_type' | 'timestamp' | 'metadata'>
  >
  readonly keyId: string
  readonly note?: string | undefined
}

/** The result of a correction: the event from now on, or why it stays as it is. */
export type Corrected =
  | { readonly event: Event; readonly isChanged: boolean }
  | { readonly refusal: Error; readonly fault: Fault }

interface Correcting {
  readonly record: DealRecord
  readonly calendar: Calendar
}

/**
 * Corrects events with different ids and splits the closed deals again that they were on or are on now. A correction that
 * changes nothing writes nothing. Errors: 409 if an event moved to another deal in the meantime.
 */
export async function lockAndCorrect(
  trx: Kysely<Database>,
  correcting: Correcting,
  corrections: readonly EventCorrection[],
): Promise<Corrected[]> {
  const ids = corrections.map(({ id }) => id)
  await lockEvents(
    trx,
    ids,
    corrections.flatMap(({ change }) => change.deal_id ?? []),
  )
  return correctEvents(trx, correcting, corrections)
}

/** As `lockAndCorrect`; the caller holds the locks of the deals that the events are on and of those that they move to. */
export async function correctEvents(
  trx: Kysely<Database>,
  { record, calendar }: Correcting,
  given: readonly EventCorrection[],
): Promise<Corrected[]> {
  const ids = given.map(({ id }) => id)
  const events = await findRevisable(trx, ids)
  const mergedInto = await findMergedInto(
    trx,
    given.flatMap(({ change }) => change.partner_id ?? []),
  )
  const corrections = given.map((one) => {
    const partner_id = mergedInto.get(one.change.partner_id ?? '')
    return partner_id === undefined ? one : { ...one, change: { ...one.change, partner_id } }
  })
  const revisions = new Map<EventCorrection, Revision>()
  for (const correction of corrections) {
    const event = events.get(correction.id)
    if (event === undefined || !isDifferent(event, correction)) continue
    revisions.set(correction, toRevision(event, correction, calendar))
  }
  const refusals = await findRefusals(trx, [...revisions.values()])
  const accepted = [...revisions.values()].filter((revision) => !refusals.has(revision))
  await reviseEvents(trx, record, { reason: 'event_corrected', revisions: accepted })
  return corrections.map((correction): Corrected => {
    const event = events.get(correction.id)
    if (event === undefined) return refuse(new EventNotFound(correction.id), '', 'There is no such event.')
    const { happened_on: _, void_from: __, ...current } = event
    const revision = revisions.get(correction)
    if (revision === undefined) return { event: current, isChanged: false }
    return refusals.get(revision) ?? { event: { ...current, ...correction.change }, isChanged: true }
  })
}

/** Whether a correction would change an event. */
export function isDifferent(event: Event, { change }: EventCorrection): boolean {
  const sent = Object.entries(change).filter(([, value]) => value !== undefined)
  return sent.some(([name, value]) => !isSameValue(event[name as keyof Event], value))
}

function toRevision(
  before: RevisableEvent,
  { id, change, keyId, note }: EventCorrection,
  calendar: Calendar,
): Revision {
  const { deal_id, partner_id, touchpoint_type, timestamp, void_from } = { ...before, ...change }
  const happened_on = calendar.dateOf(Date.parse(timestamp))
  const metadata = change.metadata === undefined ? {} : { metadata: change.metadata }
  const after = { deal_id, partner_id, touchpoint_type, timestamp, happened_on, void_from, ...metadata }
  return { id, before, after, note: note ?? null, keyId }
}

type Refusal = Extract<Corrected, { refusal: Error }>

/** The revisions that cannot be made, and why. */
async function findRefusals(
  trx: Kysely<Database>,
  revisions: readonly Revision[],
): Promise<ReadonlyMap<Revision, Refusal>> {
  if (revisions.length === 0) return new Map()
  const refusals = new Map<Revision, Refusal>()
  const presences = await listPresences(
    trx,
    revisions.map(({ after }) => after),
  )
  for (const revision of revisions) {
    const { id, before, after } = revision
    const { partner_id } = after
    const detail = `Partner ${partner_id} was inactive at the time of this touchpoint.`
    if (before.void_from !== null) refusals.set(revision, refuse(new EventVoid(id), '', 'The event is void.'))
    else if (!presences.has(after))
      refusals.set(
        revision,
        refuse(new UnknownReference(), '/partner_id', `No partner has the id ${partner_id}.`),
      )
    else if (isDatedAnew(before, after) && presences.get(after) !== true)
      refusals.set(revision, refuse(new PartnerInactive(partner_id), '/partner_id', detail))
  }
  const possible = revisions.filter((revision) => !refusals.has(revision))
  for (const [revision, detail] of await listFull(trx, possible))
    refusals.set(revision, refuse(new DealFull(revision.after.deal_id), '/deal_id', detail))
  return refusals
}

/** Whether the partner has to have been active at the time of the touchpoint: what was taken before stays. */
function isDatedAnew(before: EventFacts, after: EventFacts): boolean {
  return before.partner_id !== after.partner_id || before.timestamp !== after.timestamp
}

/** The revisions for which a deal has no room, and why. */
async function listFull(
  trx: Kysely<Database>,
  revisions: readonly Revision[],
): Promise<(readonly [Revision, string])[]> {
  const moves = revisions.filter(
    ({ before, after }) => before.deal_id !== after.deal_id || before.partner_id !== after.partner_id,
  )
  const applicants = moves.map((revision) => {
    const { id, before, after } = revision
    const { deal_id, partner_id } = after
    return { id, deal_id, partner_id, isHeld: before.deal_id === deal_id, revision }
  })
  const { full } = await admit(trx, applicants)
  const crowded = await listFullOfRevisions(
    trx,
    revisions.map(({ before }) => before.deal_id),
  )
  const revised = revisions.filter(({ before }) => crowded.has(before.deal_id))
  return [
    ...[...full].map(([{ revision }, detail]) => [revision, detail] as const),
    ...revised.map((revision) => {
      const { deal_id } = revision.before
      return [
        revision,
        `Deal ${deal_id} already has the maximum of ${mostRevisions} earlier revisions.`,
      ] as const
    }),
  ]
}

function refuse(refusal: Error, pointer: string, detail: string): Refusal {
  const fault = { pointer, detail }
  return { refusal: Object.assign(refusal, { faults: [fault] }), fault }
}

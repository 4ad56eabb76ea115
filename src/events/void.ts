import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { DealFull, EventNotFound } from '../errors.ts'
import { causeOf } from '../record/cause.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded, nextVersionOf } from '../record/recorded-deals.ts'
import type { Calendar } from '../values/calendar.ts'
import { listFullOfRevisions } from './deal-capacity.ts'
import { lockEvents } from './lock-events.ts'
import { findEvent, markEventVoid } from './queries.ts'
import { reviseEvents } from './revise.ts'
import type { RevisableEvent } from './revision-queries.ts'
import type { Event } from './schemas.ts'

interface Voiding {
  readonly record: DealRecord
  readonly reason: string
  readonly keyId: string
}

type Reinstating = Voiding & { readonly calendar: Calendar }

/** Voids an event: it stays on record and no longer counts. Voiding it again changes nothing. Errors: 404. */
export async function voidEvent(
  trx: Kysely<Database>,
  { id, ...voiding }: Voiding & { readonly id: string },
): Promise<Event> {
  const found = (await lockEvents(trx, [id])).get(id)
  if (found === undefined) throw new EventNotFound(id)
  await voidAll(trx, [found], voiding)
  return (await findEvent(trx, id)) as Event
}

/** Makes a void event count again. An event that is not void stays as it is. Errors: 404, 409 if its deal has no room. */
export async function reinstateEvent(
  trx: Kysely<Database>,
  { id, ...reinstating }: Reinstating & { readonly id: string },
): Promise<Event> {
  const found = (await lockEvents(trx, [id])).get(id)
  if (found === undefined) throw new EventNotFound(id)
  if (found.void_from !== null) {
    const reinstated = await reinstateAll(trx, [found], reinstating)
    if (reinstated === 0) throw new DealFull(found.deal_id)
  }
  return (await findEvent(trx, id)) as Event
}

interface Absence {
  /** The events that the source lacks now. */
  readonly missing: readonly string[]
  /** The events that it lacked, and has again. */
  readonly back: readonly string[]
}

/**
 * Voids the events that a source lacks, and reinstates those that it has again. An event that somebody else voided stays
 * void. Returns how many it voided and reinstated.
 */
export async function followSource(
  trx: Kysely<Database>,
  { missing, back }: Absence,
  following: Reinstating,
): Promise<{ readonly voided: number; readonly reinstated: number }> {
  const events = await lockEvents(trx, [...missing, ...back])
  const find = (ids: readonly string[]) => ids.flatMap((id) => events.get(id) ?? [])
  const ownVoid = find(back).filter(({ void_reason }) => void_reason === following.reason)
  return {
    voided: await voidAll(trx, find(missing), following),
    reinstated: await reinstateAll(trx, ownVoid, following),
  }
}

/** Voids those of the events that are not void. Returns their number. */
async function voidAll(
  trx: Kysely<Database>,
  events: readonly RevisableEvent[],
  { record, reason, keyId }: Voiding,
): Promise<number> {
  const live = events.filter(({ void_from }) => void_from === null)
  const deals = await findRecorded(trx, [...new Set(live.map(({ deal_id }) => deal_id))])
  const voided = []
  for (const { id, deal_id } of live) {
    const row = await markEventVoid(trx, { id, reason, void_from: nextVersionOf(deals.get(deal_id)) })
    if (row !== undefined) voided.push(row)
  }
  const changes = [...Map.groupBy(voided, ({ deal_id }) => deal_id)].map(([deal_id, own]) => ({
    deal_id,
    before: deals.get(deal_id),
    touchpoints: own.map(({ happened_on, ...event }) => ({ ...event, day: happened_on, count: -1 as const })),
    cause: causeOf({ event_ids: own.map(({ id }) => id), api_key_ids: [keyId], note: reason }),
  }))
  await record.change(trx, 'event_voided', changes)
  return voided.length
}

/** Reinstates those of the void events whose deals have room for one more revision. Returns their number. */
async function reinstateAll(
  trx: Kysely<Database>,
  events: readonly RevisableEvent[],
  { record, calendar, reason, keyId }: Reinstating,
): Promise<number> {
  const full = await listFullOfRevisions(
    trx,
    events.map(({ deal_id }) => deal_id),
  )
  const revisions = events
    .filter(({ deal_id }) => !full.has(deal_id))
    .map((before) => {
      const { id, deal_id, partner_id, touchpoint_type, timestamp } = before
      const happened_on = calendar.dateOf(Date.parse(timestamp))
      const after = { deal_id, partner_id, touchpoint_type, timestamp, happened_on, void_from: null }
      return { id, before, after, note: reason, keyId }
    })
  await reviseEvents(trx, record, { reason: 'event_reinstated', revisions })
  return revisions.length
}

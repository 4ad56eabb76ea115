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
import type { Event } from './schemas.ts'

interface EventVoiding {
  readonly record: DealRecord
  readonly id: string
  readonly reason: string
  readonly keyId: string
}

/** Voids an event: it stays on record and no longer counts. Voiding it again changes nothing. Errors: 404. */
export async function voidEvent(
  trx: Kysely<Database>,
  { record, id, reason, keyId }: EventVoiding,
): Promise<Event> {
  const found = (await lockEvents(trx, [id])).get(id)
  if (found === undefined) throw new EventNotFound(id)
  const { deal_id } = found
  const before = (await findRecorded(trx, [deal_id])).get(deal_id)
  const voided = await markEventVoid(trx, { id, reason, void_from: nextVersionOf(before) })
  if (voided === undefined) return (await findEvent(trx, id)) as Event
  const { happened_on, ...event } = voided
  const cause = causeOf({ event_ids: [id], api_key_ids: [keyId], note: reason })
  const touchpoints = [{ ...event, day: happened_on, count: -1 as const }]
  await record.change(trx, 'event_voided', [{ deal_id, before, touchpoints, cause }])
  return event
}

/** Makes a void event count again. An event that is not void stays as it is. Errors: 404, 409 if its deal has no room. */
export async function reinstateEvent(
  trx: Kysely<Database>,
  { record, calendar, id, reason, keyId }: EventVoiding & { readonly calendar: Calendar },
): Promise<Event> {
  const before = (await lockEvents(trx, [id])).get(id)
  if (before === undefined) throw new EventNotFound(id)
  if (before.void_from !== null) {
    const { deal_id } = before
    if ((await listFullOfRevisions(trx, [deal_id])).has(deal_id)) throw new DealFull(deal_id)
    const { partner_id, touchpoint_type, timestamp } = before
    const happened_on = calendar.dateOf(Date.parse(timestamp))
    const after = { deal_id, partner_id, touchpoint_type, timestamp, happened_on, void_from: null }
    const revisions = [{ id, before, after, note: reason, keyId }]
    await reviseEvents(trx, record, { reason: 'event_reinstated', revisions })
  }
  return (await findEvent(trx, id)) as Event
}

import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { EventNotFound } from '../errors.ts'
import { causeOf } from '../record/cause.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded, nextVersionOf } from '../record/recorded-deals.ts'
import { findEvent, markEventVoid } from './queries.ts'
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
  const found = await findEvent(trx, id)
  if (found === undefined) throw new EventNotFound(id)
  const { deal_id } = found
  await lockDeals(trx, [deal_id])
  const before = (await findRecorded(trx, [deal_id])).get(deal_id)
  const voided = await markEventVoid(trx, { id, reason, void_from: nextVersionOf(before) })
  if (voided === undefined) return (await findEvent(trx, id)) as Event
  const { happened_on, ...event } = voided
  const cause = causeOf({ event_ids: [id], api_key_ids: [keyId], note: reason })
  const touchpoints = [{ ...event, day: happened_on, count: -1 as const }]
  await record.change(trx, 'event_voided', [{ deal_id, before, touchpoints, cause }])
  return event
}

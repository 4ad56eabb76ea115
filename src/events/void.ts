import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { EventNotFound } from '../errors.ts'
import { type Attribute, recordChanges } from '../record/versions.ts'
import { findEvent, markEventVoid } from './queries.ts'
import type { Event } from './schemas.ts'

interface EventVoiding {
  readonly attribute: Attribute
  readonly id: string
  readonly reason: string
}

/** Voids an event: it stays on record and no longer counts. Voiding it again changes nothing. Errors: 404. */
export async function voidEvent(
  trx: Kysely<Database>,
  { attribute, id, reason }: EventVoiding,
): Promise<Event> {
  const found = await findEvent(trx, id)
  if (found === undefined) throw new EventNotFound(id)
  await lockDeals(trx, [found.deal_id])
  const voided = await markEventVoid(trx, id, reason)
  if (voided === undefined) return (await findEvent(trx, id)) as Event
  await recordChanges(trx, { attribute, dealIds: [voided.deal_id], reason: 'event_voided' })
  return voided
}

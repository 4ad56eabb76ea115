import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { Conflict } from '../errors.ts'
import { findRevisable, listDealsOf, type RevisableEvent } from './revision-queries.ts'

/**
 * Locks the deals of these events, and further deals, and reads the events. Must be the first statement of a transaction.
 * Errors: 409 if an event moved to another deal in the meantime.
 */
export async function lockEvents(
  trx: Kysely<Database>,
  ids: readonly string[],
  furtherDealIds: readonly string[] = [],
): Promise<ReadonlyMap<string, RevisableEvent>> {
  const dealIds = new Set([...(await listDealsOf(trx, ids)).values(), ...furtherDealIds])
  await lockDeals(trx, [...dealIds])
  const events = await findRevisable(trx, ids)
  // To lock one more deal now could be a deadlock.
  if ([...events.values()].some(({ deal_id }) => !dealIds.has(deal_id))) throw new Conflict()
  return events
}

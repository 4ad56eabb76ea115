import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { causeOf } from '../record/cause.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded } from '../record/recorded-deals.ts'
import { reviseTouches, type Revision, touchChangesOf } from '../record/revise-touches.ts'
import type { RevisionReason } from '../record/schemas.ts'

interface Revising {
  readonly reason: RevisionReason
  readonly revisions: readonly Revision[]
}

/** Replaces events by their next revisions and splits their deals again; the caller holds the locks of all these deals. */
export async function reviseEvents(
  trx: Kysely<Database>,
  record: DealRecord,
  { reason, revisions }: Revising,
): Promise<void> {
  if (revisions.length === 0) return
  const dealIds = [...new Set(revisions.flatMap(({ before, after }) => [before.deal_id, after.deal_id]))]
  const deals = await findRecorded(trx, dealIds)
  await reviseTouches(trx, { reason, revisions, deals })
  const changes = dealIds.map((deal_id) => {
    const own = revisions.filter(
      ({ before, after }) => before.deal_id === deal_id || after.deal_id === deal_id,
    )
    const cause = causeOf({
      event_ids: own.map(({ id }) => id),
      api_key_ids: own.flatMap(({ keyId }) => keyId ?? []),
      note: own.find(({ note }) => note !== null)?.note ?? undefined,
    })
    return { deal_id, before: deals.get(deal_id), ...touchChangesOf(deal_id, own), cause }
  })
  await record.change(trx, reason, changes)
}

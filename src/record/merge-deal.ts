import { type Kysely, sql } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import type { Calendar } from '../values/calendar.ts'
import { causeOf } from './cause.ts'
import { moveShares } from './merged-partners.ts'
import type { DealRecord } from './record.ts'
import { findRecorded, termsOf } from './recorded-deals.ts'
import { type EventFacts, reviseTouches, type Revision, touchChangesOf } from './revise-touches.ts'

interface DealMerge {
  readonly calendar: Calendar
  readonly dealId: string
  readonly partnerId: string
  readonly into: string
  readonly reason: string
  readonly keyId: string
}

/** Gives all touchpoints, void ones included, and the agreed share of a partner on a deal to another one. */
export async function mergeOnDeal(
  trx: Kysely<Database>,
  record: DealRecord,
  { calendar, dealId, partnerId, into, reason, keyId }: DealMerge,
): Promise<void> {
  await lockDeals(trx, [dealId])
  const deals = await findRecorded(trx, [dealId])
  const before = deals.get(dealId)
  const events = await listEventsOf(trx, dealId, partnerId)
  const revisions = events.map(({ id, happened_on, ...facts }): Revision => {
    const day = happened_on ?? calendar.dateOf(Date.parse(facts.timestamp))
    const after = { ...facts, partner_id: into, happened_on: day }
    return { id, before: { ...facts, happened_on }, after, note: reason, keyId }
  })
  if (revisions.length > 0) await reviseTouches(trx, { reason: 'partner_merged', revisions, deals })
  const cause = causeOf({
    event_ids: revisions.map(({ id }) => id),
    api_key_ids: [keyId],
    merged_partner_id: partnerId,
    note: reason,
  })
  const change = { deal_id: dealId, before, ...touchChangesOf(dealId, revisions), cause }
  const terms = before && moveShares(termsOf(before.row), new Map([[partnerId, into]]))
  // A void deal keeps its terms: its shares move when it is reinstated.
  const isAgreed = terms !== undefined && before?.row.voided_at === null
  await record.change(trx, 'partner_merged', [isAgreed ? { ...change, after: { terms } } : change])
}

async function listEventsOf(trx: Kysely<Database>, dealId: string, partnerId: string) {
  const { rows } = await sql<EventFacts & { readonly id: string }>`
    select id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, void_from
    from events where deal_id = ${dealId} and partner_id = ${partnerId}`.execute(trx)
  return rows
}

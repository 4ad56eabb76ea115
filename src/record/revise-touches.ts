import { isDeepStrictEqual } from 'node:util'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { DealChange, TouchpointChange } from './changes.ts'
import { nextVersionOf, type RecordedDeal } from './recorded-deals.ts'
import type { RevisionReason } from './schemas.ts'

/** What a correction can change of an event. */
export interface EventFacts {
  readonly deal_id: string
  readonly partner_id: string
  readonly touchpoint_type: string
  readonly timestamp: string
  /** The day on which it counts. Null: stored by a release that kept none. */
  readonly happened_on: string | null
  /** Undefined: the stored one stays. */
  readonly metadata?: object | null
  /** The version of its deal from which it does not count. Null: it counts. */
  readonly void_from: number | null
}

/** An event before and after a correction. */
export interface Revision {
  readonly id: string
  readonly before: EventFacts
  readonly after: EventFacts & { readonly happened_on: string }
  readonly note: string | null
  readonly keyId: string | null
}

interface Revising {
  readonly reason: RevisionReason
  readonly revisions: readonly Revision[]
  /** The closed deals of these events, before and after, by id. */
  readonly deals: ReadonlyMap<string, RecordedDeal>
}

/** Keeps the current revision of each event on record and replaces it. The caller holds the locks of all their deals. */
export async function reviseTouches(
  trx: Kysely<Database>,
  { reason, revisions, deals }: Revising,
): Promise<void> {
  const given = revisions.map(({ id, before, after, note, keyId }) => ({
    id,
    ...after,
    metadata: after.metadata ? JSON.stringify(after.metadata) : null,
    keeps_metadata: after.metadata === undefined,
    known_until: nextVersionOf(deals.get(before.deal_id)),
    known_from: nextVersionOf(deals.get(after.deal_id)),
    replaced_by: reason,
    note,
    api_key_id: keyId,
  }))
  await sql`select revise_events(${JSON.stringify(given)})`.execute(trx)
}

/** What the revisions change of a deal. */
export function touchChangesOf(
  dealId: string,
  revisions: readonly Revision[],
): Required<Pick<DealChange, 'touchpoints' | 'leftBy' | 'joinedBy'>> {
  const left = revisions.filter(
    ({ before, after }) => before.deal_id === dealId && isElsewhere(before, after),
  )
  const joined = revisions.filter(
    ({ before, after }) => after.deal_id === dealId && isElsewhere(before, after),
  )
  return {
    touchpoints: revisions.flatMap(({ before, after }) => {
      const [was, is] = [countOf(before, dealId, -1), countOf(after, dealId, 1)]
      const isSame = isDeepStrictEqual({ ...was[0], count: 0 }, { ...is[0], count: 0 })
      return isSame ? [] : [...was, ...is]
    }),
    leftBy: left.map(({ before }) => before.partner_id),
    joinedBy: joined.map(({ after }) => after.partner_id),
  }
}

function isElsewhere(before: EventFacts, after: EventFacts): boolean {
  return before.deal_id !== after.deal_id || before.partner_id !== after.partner_id
}

function countOf(event: EventFacts, dealId: string, count: 1 | -1): TouchpointChange[] {
  const { deal_id, partner_id, touchpoint_type, timestamp, happened_on, void_from } = event
  if (deal_id !== dealId || void_from !== null) return []
  return [{ partner_id, touchpoint_type, day: happened_on ?? timestamp.slice(0, 10), count }]
}

import type { Kysely } from 'kysely'
import { group, takeTurns } from '../database/group.ts'
import { lockDeals, tryLockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import type { Outcome } from '../http/idempotency.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Attribute } from '../record/versions.ts'
import { ingest, type Ingested, outcomeOf, readEvents } from './ingest.ts'
import { storeOpenEvents, type Submission } from './queries.ts'
import type { Event, NewEvent } from './schemas.ts'

const limits = { size: 128, waiting: 1000 }
const dealsWaitedFor = 3

/**
 * Stores events that arrive one by one, in groups with one commit each. Three ways, each for what the one before left:
 * the plain case in one statement; then closed deals, duplicates and refusals; then, deal by deal, whose lock somebody
 * holds, so that nobody else waits for it.
 */
export function createTracking(db: Kysely<Database>, attribute: Attribute, metrics: Metrics) {
  const observeGroup = metrics.sizes('event_group_size', 'Events stored together.', limits.size)
  let queued = 0
  metrics.gauge('event_queue_length', 'Events that have arrived and are not stored yet.', () => queued)
  const inTurn = takeTurns(dealsWaitedFor, limits.waiting)
  const storeOpen = group<Submission, Ingested | Left>({
    ...limits,
    run: (submissions) => {
      observeGroup(submissions.length)
      return storeOpenDeals(db, submissions)
    },
  })
  const storeFree = group<Submission, Ingested | Left>({
    ...limits,
    run: (submissions) => storeFreeDeals(db, attribute, submissions),
  })
  const storeHeld = group<Submission, Ingested>({
    ...limits,
    keyOf: ({ deal_id }) => deal_id,
    run: (submissions) => inTurn(() => storeHeldDeals(db, attribute, submissions)),
  })

  return async (event: NewEvent): Promise<Outcome<{ event: Event }>> => {
    const [submission] = readEvents([event], () => '') as [Submission]
    queued += 1
    try {
      return outcomeOf(
        (await storeOpen(submission)) ?? (await storeFree(submission)) ?? (await storeHeld(submission)),
      )
    } finally {
      queued -= 1
    }
  }
}

type Left = undefined

/** Stores what needs one statement: open deals that nobody locks. */
export async function storeOpenDeals(
  db: Kysely<Database>,
  submissions: readonly Submission[],
): Promise<(Ingested | Left)[]> {
  const firsts = new Map(submissions.toReversed().map((submission) => [submission.id, submission]))
  const stored = await storeOpenEvents(db, [...firsts.values()])
  return submissions.map((given) => {
    const created_at = firsts.get(given.id) === given ? stored.get(given.id) : undefined
    if (created_at === undefined) return undefined
    const { submission: _, ...facts } = given
    return { event: { ...facts, voided_at: null, void_reason: null, created_at }, isNew: true }
  })
}

async function storeFreeDeals(
  db: Kysely<Database>,
  attribute: Attribute,
  submissions: readonly Submission[],
): Promise<(Ingested | Left)[]> {
  return db.transaction().execute(async (trx) => {
    const held = await tryLockDeals(trx, dealsOf(submissions))
    const ready = submissions.filter(({ deal_id }) => held.has(deal_id))
    const ingested = ready.length === 0 ? [] : await ingest(trx, attribute, ready)
    const results = new Map(ready.map((submission, index) => [submission, ingested[index]]))
    return submissions.map((submission) => results.get(submission))
  })
}

/** Stores anything, once nobody else locks the deals. */
export async function storeHeldDeals(
  db: Kysely<Database>,
  attribute: Attribute,
  submissions: readonly Submission[],
): Promise<Ingested[]> {
  return db.transaction().execute(async (trx) => {
    await lockDeals(trx, dealsOf(submissions))
    return ingest(trx, attribute, submissions)
  })
}

function dealsOf(submissions: readonly Submission[]): string[] {
  return submissions.map(({ deal_id }) => deal_id)
}

import type { Kysely } from 'kysely'
import { groupLimits, shareCommits } from '../database/commits.ts'
import { group } from '../database/group.ts'
import type { Database } from '../database/tables.ts'
import type { SharedWork } from '../http/idempotency.ts'
import type { Metrics } from '../http/metrics.ts'
import type { DealRecord } from '../record/record.ts'
import { uncountedTouchpoints } from './deal-capacity.ts'
import { ingest, type Ingested, lockAndIngest, outcomeOf, toIngested } from './ingest.ts'
import { type EventAuthor, readEvents } from './read-events.ts'
import { type EventParameters, type EventSubmission, storeEvents, toParameters } from './queries.ts'
import type { Event, NewEvent } from './schemas.ts'

/**
 * Stores events with group commit. One statement stores the simple events of a group; events of closed deals, duplicates
 * and events to refuse go through a second group, in a transaction.
 */
export function createTracking(db: Kysely<Database>, record: DealRecord, metrics: Metrics) {
  const observeGroup = metrics.sizeHistogram('event_group_size', 'Events stored together.', groupLimits.size)
  let queued = 0
  metrics.gauge('event_queue_length', 'Events that have arrived and are not stored yet.', () => queued)
  const storeOpen = group<EventSubmission, Ingested | undefined>({
    ...groupLimits,
    run: (submissions) => {
      observeGroup(submissions.length)
      return storeOpenDeals(db, prepare(submissions))
    },
  })
  const store = shareCommits<EventSubmission, Ingested>(db, {
    dealOf: ({ deal_id }) => deal_id,
    work: (trx, submissions) => ingest(trx, record, submissions),
  })

  return (event: NewEvent, author: EventAuthor): SharedWork<{ event: Event }> => ({
    async alone(trx) {
      const [result] = await lockAndIngest(trx, record, readOne(event, author))
      return outcomeOf(result as Ingested)
    },
    async together() {
      const [submission] = readOne(event, author)
      queued += 1
      try {
        return outcomeOf((await storeOpen(submission)) ?? (await store(submission)))
      } finally {
        queued -= 1
      }
    },
  })
}

function readOne(event: NewEvent, author: EventAuthor): [EventSubmission] {
  return readEvents([event], author) as [EventSubmission]
}

/** Events to store, and the parameters of the statement that stores the first of each id. */
export interface PreparedEvents {
  readonly submissions: readonly EventSubmission[]
  readonly firsts: ReadonlyMap<string, EventSubmission>
  readonly parameters: EventParameters
}

export function prepare(submissions: readonly EventSubmission[]): PreparedEvents {
  const firsts = new Map(submissions.toReversed().map((submission) => [submission.id, submission]))
  return { submissions, firsts, parameters: toParameters([...firsts.values()]) }
}

/** Stores the events that need only an insert: their deal is open and not locked. The others get undefined. */
export async function storeOpenDeals(
  db: Kysely<Database>,
  { submissions, firsts, parameters }: PreparedEvents,
): Promise<(Ingested | undefined)[]> {
  const stored = await storeEvents(db, parameters, { most: uncountedTouchpoints, onlyOpen: true })
  return submissions.map((given) => {
    const created_at = firsts.get(given.id) === given ? stored.get(given.id) : undefined
    return created_at === undefined ? undefined : toIngested(given, created_at)
  })
}

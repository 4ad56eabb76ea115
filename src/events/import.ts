import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { withRetries } from '../database/with-retries.ts'
import { type Fault, invalid } from '../errors.ts'
import type { BodyLine } from '../http/ndjson.ts'
import type { DealRecord } from '../record/record.ts'
import { createReport } from './import-report.ts'
import { type Ingested, lockAndIngest } from './ingest.ts'
import { type EventAuthor, readEvents } from './read-events.ts'
import type { EventSubmission } from './queries.ts'
import type { EventLine, ImportReport } from './schemas.ts'
import { prepare, type PreparedEvents, storeOpenDeals } from './store-in-groups.ts'

interface ImportContext {
  readonly db: Kysely<Database>
  readonly record: DealRecord
  readonly author: EventAuthor
  /** Limits how many batches of all requests lock deals at the same time. */
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** Validates the value of a line. */
  readonly check: (value: unknown) => readonly Fault[]
  /** Throws a 401 if the API key of the import is no longer valid. */
  readonly confirmKey: () => Promise<void>
}

/** Stores events while their lines arrive: it reads one batch while it stores the previous one. */
export async function importEvents(
  context: ImportContext,
  batches: AsyncIterable<readonly BodyLine[]>,
): Promise<ImportReport> {
  const report = createReport()
  const storeBatch = async ({ lines, prepared }: Batch) => {
    const results = await store(context, prepared)
    for (const [line, read] of lines)
      report.add(line, read instanceof Error ? read : (results.get(read) as Ingested))
  }

  const reading = batches[Symbol.asyncIterator]()
  let storing = Promise.resolve()
  // If storing fails, stop waiting for the next lines. Each race gets a new promise that never settles: a shared one would
  // keep every batch in memory.
  const readNext = () => Promise.race([reading.next(), storing.then(() => new Promise<never>(() => {}))])
  try {
    for (let next = await readNext(); next.done !== true; next = await readNext()) {
      const batch = readBatch(context, next.value)
      await storing
      storing = storeBatch(batch)
      // Awaited in the next round; until then a failure must not count as an unhandled rejection.
      storing.catch(() => {})
      // Send the statement before parsing the next lines.
      await setImmediate()
    }
  } finally {
    // Do not answer, not even with an error, before the last write has ended.
    await storing
  }
  return report.read()
}

interface Batch {
  /** By number of the line: the event to store, or the error of the line. */
  readonly lines: ReadonlyMap<number, EventSubmission | Error>
  readonly prepared: PreparedEvents
}

/** Reads and prepares a batch, so that the database need not wait for it when it has stored the previous one. */
function readBatch(context: ImportContext, bodyLines: readonly BodyLine[]): Batch {
  const lines = readLines(context, bodyLines)
  const submissions = [...lines.values()].filter((read): read is EventSubmission => !(read instanceof Error))
  return { lines, prepared: prepare(submissions) }
}

function readLines({ check, author }: ImportContext, lines: readonly BodyLine[]): Batch['lines'] {
  const batch = new Map<number, EventSubmission | Error>()
  for (const { line, value, error } of lines) {
    try {
      if (error !== undefined) throw error
      const faults = check(value)
      if (faults.length > 0) throw invalid(faults)
      const { kind: _, ...event } = value as EventLine
      batch.set(line, readEvents([event], author)[0] as EventSubmission)
    } catch (thrown) {
      batch.set(line, thrown as Error)
    }
  }
  return batch
}

async function store(
  { db, record, inTurn, confirmKey }: ImportContext,
  prepared: PreparedEvents,
): Promise<ReadonlyMap<EventSubmission, Ingested>> {
  const { submissions } = prepared
  // The key is confirmed after the wait: a wait may take longer than the 5 s in which a revocation must take effect.
  const inTurnWithKey = <Result>(work: () => Promise<Result>) =>
    withRetries(() => inTurn(() => confirmKey().then(work)))

  if (submissions.length === 0) await withRetries(confirmKey)
  const stored = submissions.length === 0 ? [] : await inTurnWithKey(() => storeOpenDeals(db, prepared))
  const left = submissions.filter((_, index) => stored[index] === undefined)
  const storeRest = () => db.transaction().execute((trx) => lockAndIngest(trx, record, left))
  const rest = left.length === 0 ? [] : await inTurnWithKey(storeRest)
  const results = new Map(left.map((submission, index) => [submission, rest[index] as Ingested]))
  for (const [index, submission] of submissions.entries()) {
    const result = stored[index]
    if (result !== undefined) results.set(submission, result)
  }
  return results
}

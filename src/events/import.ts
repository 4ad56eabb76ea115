import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type Fault, invalid } from '../errors.ts'
import type { Line } from '../http/ndjson.ts'
import type { Attribute } from '../record/versions.ts'
import { createReport } from './import-report.ts'
import { type Ingested, lockAndIngest, readEvents } from './ingest.ts'
import type { Submission } from './queries.ts'
import type { EventLine, ImportReport } from './schemas.ts'
import { storeOpenDeals } from './store-in-groups.ts'

interface Importing {
  readonly db: Kysely<Database>
  readonly attribute: Attribute
  /** Waits until another batch may lock its deals. */
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** The faults of a line's value by the schema. */
  readonly check: (value: unknown) => readonly Fault[]
  /** Throws a 401 where the key of the import is no longer valid. */
  readonly confirmKey: () => Promise<void>
}

const patience = [100, 200, 400, 800, 1600, 3200]

/** Stores events as their lines arrive: one batch is read while the one before it is stored. */
export async function importEvents(
  importing: Importing,
  batches: AsyncIterable<readonly Line[]>,
): Promise<ImportReport> {
  const report = createReport()
  const take = async (batch: ReadonlyMap<number, Submission | Error>) => {
    const submissions = [...batch.values()].filter((read): read is Submission => !(read instanceof Error))
    const results = await store(importing, submissions)
    for (const [line, read] of batch)
      report.add(line, read instanceof Error ? read : (results.get(read) as Ingested))
  }

  const reading = batches[Symbol.asyncIterator]()
  let taking = Promise.resolve()
  // A failure ends the wait for lines that may be long in coming. The promise that never settles is new each time: each
  // race would leave its batch in one that outlives it.
  const readNext = () => Promise.race([reading.next(), taking.then(() => new Promise<never>(() => {}))])
  try {
    for (let next = await readNext(); next.done !== true; next = await readNext()) {
      const batch = readBatch(importing, next.value)
      await taking
      taking = take(batch)
      // It is awaited in a moment; until then its failure is not unhandled.
      taking.catch(() => {})
      // The statement is sent before the next lines keep this thread busy.
      await setImmediate()
    }
  } finally {
    // The answer comes after the last write, whatever it says.
    await taking
  }
  return report.read()
}

/** The lines of a batch by number: an event to store, or the refusal of its line. */
function readBatch({ check }: Importing, lines: readonly Line[]): ReadonlyMap<number, Submission | Error> {
  const batch = new Map<number, Submission | Error>()
  for (const { line, value, error } of lines) {
    try {
      if (error !== undefined) throw error
      const faults = check(value)
      if (faults.length > 0) throw invalid(faults)
      const { kind: _, ...event } = value as EventLine
      batch.set(line, readEvents([event], () => '')[0] as Submission)
    } catch (thrown) {
      batch.set(line, thrown as Error)
    }
  }
  return batch
}

async function store(
  { db, attribute, inTurn, confirmKey }: Importing,
  submissions: readonly Submission[],
): Promise<ReadonlyMap<Submission, Ingested>> {
  // Asked in turn, because the wait for the turn may be longer than a key may outlive its revocation.
  const inTurnWithKey = <Result>(work: () => Promise<Result>) =>
    persist(() => inTurn(() => confirmKey().then(work)))

  if (submissions.length === 0) await persist(confirmKey)
  const stored = submissions.length === 0 ? [] : await inTurnWithKey(() => storeOpenDeals(db, submissions))
  const left = submissions.filter((_, index) => stored[index] === undefined)
  const storeRest = () => db.transaction().execute((trx) => lockAndIngest(trx, attribute, left))
  const rest = left.length === 0 ? [] : await inTurnWithKey(storeRest)
  const results = new Map(left.map((submission, index) => [submission, rest[index] as Ingested]))
  for (const [index, submission] of submissions.entries()) {
    const result = stored[index]
    if (result !== undefined) results.set(submission, result)
  }
  return results
}

/** A database that is away for a moment, or a deal that is locked for long, does not end an import. */
async function persist<Result>(work: () => Promise<Result>): Promise<Result> {
  for (const wait of patience) {
    try {
      return await work()
    } catch (error) {
      // A refusal stays one, however often it is asked for.
      const { statusCode = 500 } = error as { readonly statusCode?: number }
      if (statusCode < 500) throw error
      await setTimeout(wait)
    }
  }
  return work()
}

import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type Fault, invalid } from '../errors.ts'
import type { Line } from '../http/ndjson.ts'
import type { Attribute } from '../record/versions.ts'
import { type Ingested, lockAndIngest, readEvents } from './ingest.ts'
import type { Submission } from './queries.ts'
import type { EventLine, ImportReport, RefusedLine } from './schemas.ts'
import { storeOpenDeals } from './track.ts'

interface Importing {
  readonly db: Kysely<Database>
  readonly attribute: Attribute
  /** Waits until another batch may lock its deals. */
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** What a line's content breaks of the schema. */
  readonly check: (value: unknown) => readonly Fault[]
}

const mostRefusals = 1000
const patience = [100, 200, 400, 800, 1600, 3200]

/** Stores events as their lines arrive: one batch is read while the one before it is stored. */
export async function importEvents(
  importing: Importing,
  batches: AsyncIterable<readonly Line[]>,
): Promise<ImportReport> {
  const report = { accepted: 0, duplicates: 0, refused: 0, refusals: [] as RefusedLine[] }
  const refuse = (line: number, error: Error) => {
    report.refused += 1
    if (report.refusals.length < mostRefusals) report.refusals.push(toRefusal(line, error))
  }
  const take = async (read: ReadonlyMap<number, Submission>) => {
    const results = await store(importing, [...read.values()])
    for (const [index, line] of [...read.keys()].entries()) {
      const result = results[index] as Ingested
      if ('refusal' in result) refuse(line, result.refusal)
      else report[result.isNew ? 'accepted' : 'duplicates'] += 1
    }
  }

  let taking = Promise.resolve()
  for await (const lines of batches) {
    const read = readBatch(importing, lines, refuse)
    await taking
    taking = take(read)
    // Whoever awaits it learns of a failure; until then it is not unheard.
    taking.catch(() => {})
    // The statement leaves before the next lines keep this thread.
    await setImmediate()
  }
  await taking
  return { ...report, refusals: report.refusals.sort((a, b) => a.line - b.line) }
}

function readBatch(
  { check }: Importing,
  lines: readonly Line[],
  refuse: (line: number, error: Error) => void,
): ReadonlyMap<number, Submission> {
  const read = new Map<number, Submission>()
  for (const { line, value, error } of lines) {
    try {
      if (error !== undefined) throw error
      const faults = check(value)
      if (faults.length > 0) throw invalid(faults)
      const { kind: _, ...event } = value as EventLine
      read.set(line, readEvents([event], () => '')[0] as Submission)
    } catch (thrown) {
      refuse(line, thrown as Error)
    }
  }
  return read
}

async function store(
  { db, attribute, inTurn }: Importing,
  submissions: readonly Submission[],
): Promise<readonly Ingested[]> {
  const stored = await persist(() => inTurn(() => storeOpenDeals(db, submissions)))
  const left = submissions.filter((_, index) => stored[index] === undefined)
  const storeRest = () => db.transaction().execute((trx) => lockAndIngest(trx, attribute, left))
  const rest = left.length === 0 ? [] : await persist(() => inTurn(storeRest))
  const results = new Map(left.map((submission, index) => [submission, rest[index]]))
  return submissions.map((submission, index) => (stored[index] ?? results.get(submission)) as Ingested)
}

/** A database that is away for a moment, or a deal that is locked for long, does not end an import. */
async function persist<Result>(work: () => Promise<Result>): Promise<Result> {
  for (const wait of patience) {
    try {
      return await work()
    } catch {
      await setTimeout(wait)
    }
  }
  return work()
}

function toRefusal(line: number, error: Error): RefusedLine {
  const { code, message, faults = [] } = error as Error & { code: string; faults?: readonly Fault[] }
  // Some sentences were written for a body that is one JSON text.
  const detail = message.replace(/^The body/, 'The line')
  return { line, code: code.toLowerCase(), detail, errors: [...faults] }
}

import { setImmediate } from 'node:timers/promises'
import { withRetries } from '../database/with-retries.ts'
import type { BodyLine } from '../http/ndjson.ts'
import type { Attempt, LineKind, LineResult, Sender } from './line-kind.ts'
import { createReport } from './report.ts'
import type { LinesReport } from './schemas.ts'

interface ImportContext {
  readonly sender: Sender
  /** The kinds of lines, in the order in which a batch is stored. */
  readonly kinds: readonly LineKind[]
  /** Validates a line and tells its kind. Errors: 400. */
  readonly kindOf: (value: unknown) => LineKind
  /** Limits how many batches of all requests lock deals at the same time. */
  readonly inTurn: Attempt
  /** Throws a 401 if the API key of the import is no longer valid. */
  readonly confirmKey: () => Promise<void>
}

/** Stores lines while they arrive: it reads one batch while it stores the previous one. */
export async function importLines(
  context: ImportContext,
  batches: AsyncIterable<readonly BodyLine[]>,
): Promise<LinesReport> {
  const report = createReport()
  const storeBatch = async (batch: readonly ReadLine[], store: ReturnType<typeof prepare>) => {
    const results = await store()
    for (const [index, { line }] of batch.entries()) report.add(line, results[index] as LineResult)
  }

  const reading = batches[Symbol.asyncIterator]()
  let storing = Promise.resolve()
  // If storing fails, stop waiting for the next lines. Each race gets a new promise that never settles: a shared one would
  // keep every batch in memory.
  const readNext = () => Promise.race([reading.next(), storing.then(() => new Promise<never>(() => {}))])
  try {
    for (let next = await readNext(); next.done !== true; next = await readNext()) {
      const batch = next.value.map((line) => readLine(context, line))
      const store = prepare(context, batch)
      await storing
      storing = storeBatch(batch, store)
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

/** A line with what its kind read from it, or with its error. */
type ReadLine = { readonly line: number } & (
  | { readonly kind: LineKind; readonly read: unknown }
  | { readonly error: Error }
)

function readLine({ kindOf, sender }: ImportContext, { line, value, error }: BodyLine): ReadLine {
  try {
    if (error !== undefined) throw error
    const kind = kindOf(value)
    return { line, kind, read: kind.read(value, sender) }
  } catch (thrown) {
    return { line, error: thrown as Error }
  }
}

/** Prepares a batch, kind by kind, so that the database need not wait for it. Returns the function that stores it. */
function prepare({ kinds, inTurn, confirmKey }: ImportContext, batch: readonly ReadLine[]) {
  const parts = kinds.flatMap((kind) => {
    const own = batch.flatMap((line, index) =>
      'kind' in line && line.kind === kind ? [{ index, read: line.read }] : [],
    )
    return own.length === 0 ? [] : [{ own, store: kind.prepare(own.map(({ read }) => read)) }]
  })
  // The key is confirmed after the wait: a wait may take longer than the 5 s in which a revocation must take effect.
  const attempt: Attempt = (work) => withRetries(() => inTurn(() => confirmKey().then(work)))
  return async (): Promise<readonly LineResult[]> => {
    const results: LineResult[] = batch.map((line) => ('error' in line ? line.error : 'unchanged'))
    if (parts.length === 0) await withRetries(confirmKey)
    for (const { own, store } of parts) {
      const stored = await store(attempt)
      for (const [place, { index }] of own.entries()) results[index] = stored[place] as LineResult
    }
    return results
  }
}

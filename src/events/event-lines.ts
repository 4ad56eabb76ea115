import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { Conflict } from '../errors.ts'
import type { DealRecord } from '../record/record.ts'
import type { Calendar } from '../values/calendar.ts'
import { inRounds } from '../values/rounds.ts'
import { type EventCorrection, isDifferent, lockAndCorrect } from './correct.ts'
import { type Declaration, readDeclaration } from './declare.ts'
import { type Ingested, lockAndIngest } from './ingest.ts'
import { type EventSubmission, listEventsById } from './queries.ts'
import { type EventAuthor, readEvents } from './read-events.ts'
import type { DeclaredEventLine, EventLine } from './schemas.ts'
import { prepare, type PreparedEvents, storeOpenDeals } from './store-in-groups.ts'

interface EventLinesOptions {
  readonly db: Kysely<Database>
  readonly record: DealRecord
  readonly calendar: Calendar
}

type Attempt = <Result>(work: () => Promise<Result>) => Promise<Result>

interface Sender {
  readonly caller: { readonly id: string }
}

type Result = 'created' | 'changed' | 'unchanged' | Error

/** Touchpoints as lines of an import. Lines that change nothing are found out without a lock. */
export function createEventLines({ db, record, calendar }: EventLinesOptions) {
  async function submit(prepared: PreparedEvents, attempt: Attempt): Promise<Result[]> {
    const { submissions } = prepared
    const stored = await attempt(() => storeOpenDeals(db, prepared))
    const left = submissions.filter((_, index) => stored[index] === undefined)
    const storeRest = () => db.transaction().execute((trx) => lockAndIngest(trx, record, left))
    const rest = (left.length === 0 ? [] : await attempt(storeRest)).values()
    return stored.map((result) => resultOf(result ?? (rest.next().value as Ingested)))
  }

  /** Declares events with different ids. */
  async function declare(declarations: readonly Declaration[], attempt: Attempt): Promise<Result[]> {
    const ids = declarations.map(({ id }) => id)
    const events = await attempt(() => listEventsById(db, ids))
    const stored = new Map(events.map((event) => [event.id, event]))
    const fresh = declarations.filter(({ id }) => !stored.has(id))
    const submissions = fresh.map(({ submission }) => submission)
    const made = (fresh.length === 0 ? [] : await submit(prepare(submissions), attempt)).values()
    const corrections = declarations.flatMap(({ id, correction }) => {
      const event = stored.get(id)
      return event !== undefined && isDifferent(event, correction) ? [correction] : []
    })
    const corrected = (corrections.length === 0 ? [] : await correct(corrections, attempt)).values()
    return declarations.map(({ id, correction }): Result => {
      const event = stored.get(id)
      if (event === undefined) return made.next().value as Result
      return isDifferent(event, correction) ? (corrected.next().value as Result) : 'unchanged'
    })
  }

  async function correct(corrections: readonly EventCorrection[], attempt: Attempt): Promise<Result[]> {
    const write = () =>
      db.transaction().execute((trx) => lockAndCorrect(trx, { record, calendar }, corrections))
    try {
      return (await attempt(write)).map((result) => {
        if ('refusal' in result) return result.refusal
        return result.isChanged ? 'changed' : 'unchanged'
      })
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      // One of the events has moved to another deal in the meantime: the others are corrected without it.
      if (corrections.length === 1) return [error]
      const results: Result[] = []
      for (const one of corrections) results.push(...(await correct([one], attempt)))
      return results
    }
  }

  const authorOf = ({ caller }: Sender): EventAuthor => ({ keyId: caller.id, calendar })
  return {
    submit: {
      read({ kind: _, ...event }: EventLine, sender: Sender): EventSubmission {
        return readEvents([event], authorOf(sender))[0] as EventSubmission
      },
      prepare(submissions: readonly EventSubmission[]) {
        const prepared = prepare(submissions)
        return (attempt: Attempt) => submit(prepared, attempt)
      },
    },
    declare: {
      read: ({ kind: _, ...sent }: DeclaredEventLine, sender: Sender): Declaration =>
        readDeclaration(sent, authorOf(sender)),
      prepare: (declarations: readonly Declaration[]) => (attempt: Attempt) =>
        inRounds(declarations, (some) => declare(some, attempt)),
    },
  }
}

function resultOf(result: Ingested): Result {
  if ('refusal' in result) return result.refusal
  return result.isNew ? 'created' : 'unchanged'
}

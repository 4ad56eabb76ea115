import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { EventExists } from '../errors.ts'
import type { DealRecord } from '../record/record.ts'
import type { Calendar } from '../values/calendar.ts'
import { inRounds } from '../values/rounds.ts'
import { type Declaration, isSameEvent, readDeclaration } from './declare.ts'
import { type Ingested, lockAndIngest } from './ingest.ts'
import { type EventSubmission, listEventsById } from './queries.ts'
import { type EventAuthor, readEvents } from './read-events.ts'
import type { DeclaredEventLine, EventLine } from './schemas.ts'
import { storeOpenDeals } from './store-in-groups.ts'

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
  async function submit(submissions: readonly EventSubmission[], attempt: Attempt): Promise<Result[]> {
    const stored = await attempt(() => storeOpenDeals(db, submissions))
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
    const made = (fresh.length === 0 ? [] : await submit(submissions, attempt)).values()
    return declarations.map((declaration): Result => {
      const event = stored.get(declaration.id)
      if (event === undefined) return made.next().value as Result
      return isSameEvent(event, declaration) ? 'unchanged' : new EventExists(declaration.id)
    })
  }

  const authorOf = ({ caller }: Sender): EventAuthor => ({ keyId: caller.id, calendar })
  return {
    submit: {
      read({ kind: _, ...event }: EventLine, sender: Sender): EventSubmission {
        return readEvents([event], authorOf(sender))[0] as EventSubmission
      },
      store: submit,
    },
    declare: {
      read: ({ kind: _, ...sent }: DeclaredEventLine, sender: Sender): Declaration =>
        readDeclaration(sent.id, sent, authorOf(sender)),
      store: (declarations: readonly Declaration[], attempt: Attempt) =>
        inRounds(declarations, (some) => declare(some, attempt)),
    },
  }
}

function resultOf(result: Ingested): Result {
  if ('refusal' in result) return result.refusal
  return result.isNew ? 'created' : 'unchanged'
}

import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealExists } from '../errors.ts'
import type { DealDefaults } from '../record/read-terms.ts'
import type { DealRecord } from '../record/record.ts'
import { inRounds } from '../values/rounds.ts'
import { closeDeals, type Submission, toSubmission } from './close.ts'
import { type Declaration, type Declared, declareDeals, readChange } from './declare.ts'
import { listRows, listSubmissions } from './queries.ts'
import type { DealLine, DeclaredDealLine } from './schemas.ts'

interface DealLinesOptions {
  readonly db: Kysely<Database>
  readonly record: DealRecord
  readonly defaults: DealDefaults
}

type Attempt = <Result>(work: () => Promise<Result>) => Promise<Result>
type Result = 'created' | 'changed' | 'unchanged' | Error

interface Sender {
  readonly caller: { readonly id: string }
}

/** Deals as lines of an import. Lines that change nothing are found out without a lock. */
export function createDealLines({ db, record, defaults }: DealLinesOptions) {
  async function submit(submissions: readonly Submission[], attempt: Attempt): Promise<Result[]> {
    const known = await attempt(() => listSubmissions(db, idsOf(submissions)))
    const results = new Map<Submission, Result>()
    for (const submission of submissions) {
      const stored = known.get(submission.id)
      if (stored?.equals(submission.submission)) results.set(submission, 'unchanged')
      else if (stored !== undefined) results.set(submission, new DealExists(submission.id))
    }
    const fresh = submissions.filter((submission) => !results.has(submission))
    const close = () =>
      db.transaction().execute(async (trx) => {
        await lockDeals(trx, idsOf(fresh))
        return closeDeals(trx, record, fresh)
      })
    const closed = fresh.length === 0 ? [] : await attempt(close)
    for (const [index, outcome] of closed.entries()) {
      const result = 'refusal' in outcome ? outcome.refusal : outcome.status === 201 ? 'created' : 'unchanged'
      results.set(fresh[index] as Submission, result)
    }
    return submissions.map((submission) => results.get(submission) as Result)
  }

  /** Declares deals with different ids. */
  async function declare(declarations: readonly Declaration[], attempt: Attempt): Promise<Result[]> {
    const stored = await attempt(() => listRows(db, idsOf(declarations)))
    const known = declarations.map(({ id, sent }) => {
      const row = stored.get(id)
      return row && resultOf(() => readChange(sent, row, { defaults, mergedInto: new Map() }))
    })
    const different = declarations.filter((_, index) => known[index] === undefined)
    const write = () =>
      db.transaction().execute(async (trx) => {
        await lockDeals(trx, idsOf(different))
        return declareDeals(trx, { record, defaults }, different)
      })
    const declared = (different.length === 0 ? [] : await attempt(write)).values()
    return known.map((result) => result ?? outcomeOf(declared.next().value as Declared))
  }

  return {
    submit: {
      read: ({ kind: _, ...sent }: DealLine, { caller }: Sender): Submission =>
        toSubmission({ sent, keyId: caller.id }, defaults),
      prepare: (submissions: readonly Submission[]) => (attempt: Attempt) => submit(submissions, attempt),
    },
    declare: {
      read: ({ kind: _, ...sent }: DeclaredDealLine, { caller }: Sender): Declaration => ({
        id: sent.id,
        sent,
        keyId: caller.id,
      }),
      prepare: (declarations: readonly Declaration[]) => (attempt: Attempt) =>
        inRounds(declarations, (some) => declare(some, attempt)),
    },
  }
}

/** The result of a declaration that needs no write. Undefined: it needs one. */
function resultOf(read: () => unknown): Result | undefined {
  try {
    return read() === undefined ? 'unchanged' : undefined
  } catch (error) {
    return error as Error
  }
}

function outcomeOf(declared: Declared): Result {
  return 'refusal' in declared ? declared.refusal : declared.outcome
}

function idsOf(items: readonly { readonly id: string }[]): string[] {
  return items.map(({ id }) => id)
}

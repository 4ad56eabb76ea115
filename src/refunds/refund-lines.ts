import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { RefundExists } from '../errors.ts'
import type { DealRecord } from '../record/record.ts'
import type { Calendar } from '../values/calendar.ts'
import { findRefunds } from './queries.ts'
import { recordRefunds, type RefundResult, type RefundSubmission, toSubmission } from './record-refunds.ts'
import type { RefundLine } from './schemas.ts'

interface RefundLinesOptions {
  readonly db: Kysely<Database>
  readonly record: DealRecord
  readonly calendar: Calendar
}

type Attempt = <Result>(work: () => Promise<Result>) => Promise<Result>
type Result = 'created' | 'unchanged' | Error

interface Sender {
  readonly caller: { readonly id: string }
}

/** Refunds as lines of an import, submitted or declared: a refund never changes. Stored ones are found without a lock. */
export function createRefundLines({ db, record, calendar }: RefundLinesOptions) {
  async function store(submissions: readonly RefundSubmission[], attempt: Attempt): Promise<Result[]> {
    const known = await attempt(() =>
      findRefunds(
        db,
        submissions.map(({ id }) => id),
      ),
    )
    const fresh = submissions.filter(({ id }) => !known.has(id))
    const write = () =>
      db.transaction().execute(async (trx) => {
        await lockDeals(
          trx,
          fresh.map(({ deal_id }) => deal_id),
        )
        return recordRefunds(trx, record, fresh)
      })
    const recorded = (fresh.length === 0 ? [] : await attempt(write)).values()
    return submissions.map(({ id, submission }) => {
      const stored = known.get(id)
      if (stored === undefined) return outcomeOf(recorded.next().value as RefundResult)
      return stored.submission.equals(submission) ? 'unchanged' : new RefundExists(id)
    })
  }

  return {
    read: ({ kind: _, deal_id, ...sent }: RefundLine, { caller }: Sender): RefundSubmission =>
      toSubmission({ dealId: deal_id, sent, keyId: caller.id }, calendar),
    prepare: (submissions: readonly RefundSubmission[]) => (attempt: Attempt) => store(submissions, attempt),
  }
}

function outcomeOf(result: RefundResult): Result {
  if ('refusal' in result) return result.refusal
  return result.isNew ? 'created' : 'unchanged'
}

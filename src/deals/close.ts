import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { shareCommits } from '../database/commits.ts'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealExists } from '../errors.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import type { SharedWork, WriteOutcome } from '../http/idempotency.ts'
import { checkMetadata } from '../values/metadata.ts'
import { parseInstant } from '../values/instants.ts'
import { causeOf } from '../record/cause.ts'
import { findRefusals } from '../record/agreed-partners.ts'
import { withoutMerged } from '../record/merged-partners.ts'
import { findUnknownPlans } from '../record/pick-plans.ts'
import { type DealDefaults, readTerms } from '../record/read-terms.ts'
import type { ChangedDeal } from '../record/changes.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded, type RecordedDeal } from '../record/recorded-deals.ts'
import type { DealDescription, DealTerms } from '../record/schemas.ts'
import { toDealSplit } from './deal-split.ts'
import type { DealSplit, NewDeal } from './schemas.ts'

/** A deal as a client sent it, converted, with the digest of the request and the API key of the client. */
export interface Submission {
  readonly id: string
  readonly terms: DealTerms
  readonly description: DealDescription
  readonly plan_name: string | null
  readonly submission: Buffer
  readonly keyId: string
}

export type Closed = WriteOutcome<DealSplit> | { readonly refusal: Error }

/** A deal to close, and the id of the API key of its client. */
export interface Closing {
  readonly sent: NewDeal
  readonly keyId: string
}

/** Closes deals. Errors: 400; 409 if the id holds another submission. */
export function createClosing(db: Kysely<Database>, record: DealRecord, defaults: DealDefaults) {
  const close = shareCommits<Submission, Closed>(db, {
    dealOf: ({ id }) => id,
    work: (trx, submissions) => closeDeals(trx, record, submissions),
  })
  return (closing: Closing): SharedWork<DealSplit> => ({
    async alone(trx) {
      const submission = toSubmission(closing, defaults)
      await lockDeals(trx, [submission.id])
      const [closed] = await closeDeals(trx, record, [submission])
      return outcomeOf(closed as Closed)
    },
    together: async () => outcomeOf(await close(toSubmission(closing, defaults))),
  })
}

/** Closes several deals; the caller holds their locks. The same submission again returns the current deal. */
export async function closeDeals(
  trx: Kysely<Database>,
  record: DealRecord,
  given: readonly Submission[],
): Promise<Closed[]> {
  const current = await withoutMerged(
    trx,
    given.map(({ terms }) => terms),
  )
  const submissions = given.map((one, index) => ({ ...one, terms: current[index] as DealTerms }))
  const refusals = await findRefusals(
    trx,
    submissions.map(({ terms }) => terms),
  )
  const unknownPlans = await findUnknownPlans(trx, submissions)
  const refusalOf = (given: Submission) => refusals.get(given.terms) ?? unknownPlans.get(given)
  const valid = submissions.filter((given) => refusalOf(given) === undefined)
  // When two submissions have the same id, the first is stored and the second is compared with it.
  const firsts = new Map(valid.toReversed().map((submission) => [submission.id, submission]))
  const found = await findRecorded(trx, [...firsts.keys()])
  const fresh = [...firsts.values()].filter(({ id }) => !found.has(id))
  const closed = await record.change(
    trx,
    'closed',
    fresh.map((submission) => toChange(submission)),
  )
  return submissions.map((given) => {
    const refusal = refusalOf(given)
    if (refusal !== undefined) return { refusal }
    const stored = found.get(given.id)
    if (stored !== undefined) return compare(given, stored)
    const created = closed.get(given.id) as ChangedDeal
    return firsts.get(given.id) === given
      ? { status: 201, body: toDealSplit(created) }
      : compare(given, created)
  })
}

function compare({ id, submission }: Submission, stored: RecordedDeal): Closed {
  if (!stored.row.submission.equals(submission)) return { refusal: new DealExists(id) }
  return { status: 200, body: toDealSplit({ ...stored, isNew: false }) }
}

/** The change that closes a deal. */
export function toChange(
  { id, terms, description, plan_name, submission, keyId }: Submission,
  note?: string,
) {
  return {
    deal_id: id,
    before: undefined,
    after: { terms, refunded_minor: 0n, void_reason: null, submission, description, plan_name },
    cause: causeOf({ api_key_ids: [keyId], note }),
  }
}

/** Errors: 400. */
export function toSubmission({ sent, keyId }: Closing, defaults: DealDefaults): Submission {
  const {
    id = `deal_${uuid()}`,
    name = null,
    metadata = null,
    commission_plan_id: plan_name = null,
    ...rest
  } = sent
  checkMetadata(metadata)
  const description = { name, metadata }
  return { id, terms: readTerms(rest, defaults), description, plan_name, submission: digestOf(sent), keyId }
}

function outcomeOf(closed: Closed): WriteOutcome<DealSplit> {
  if ('refusal' in closed) throw closed.refusal
  return closed
}

// An instant may be written in two ways, but midnight in another offset ends another day: so isMidnight is digested too.
// A date stays a text.
function digestOf(sent: NewDeal): Buffer {
  const closed_date = sent.closed_date && (parseInstant(sent.closed_date) ?? sent.closed_date)
  return hash('sha256', canonicalJson({ ...sent, closed_date }), 'buffer')
}

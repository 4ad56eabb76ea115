import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { shareCommits } from '../database/commits.ts'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealExists } from '../errors.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import type { Outcome } from '../http/idempotency.ts'
import { parseInstant } from '../values/instants.ts'
import { listAttributions } from '../splits/queries.ts'
import { type Attribute, recordVersions } from '../record/versions.ts'
import { type DealDefaults, readFacts } from '../record/read-facts.ts'
import { insertDeals, listDealsByIds, type Submission, toDeal } from './queries.ts'
import type { Attribution } from '../splits/schemas.ts'
import type { DealRow, DealSplit, NewDeal } from './schemas.ts'

type Closed = Outcome<DealSplit> | { readonly refusal: Error }

/** Closes deals that arrive one by one, in groups with one commit each. Errors: 400, 409. */
export function createClosing(db: Kysely<Database>, attribute: Attribute, defaults: DealDefaults) {
  const close = shareCommits<Submission, Closed>(db, {
    dealOf: ({ id }) => id,
    work: (trx, submissions) => closeDeals(trx, attribute, submissions),
  })
  return async (sent: NewDeal): Promise<Outcome<DealSplit>> =>
    outcomeOf(await close(toSubmission(sent, defaults)))
}

/** Records a closed deal and its first split; the same submission again finds it as it is now. Errors: 400, 409. */
export async function closeDeal(
  trx: Kysely<Database>,
  attribute: Attribute,
  defaults: DealDefaults,
  sent: NewDeal,
): Promise<Outcome<DealSplit>> {
  const submission = toSubmission(sent, defaults)
  await lockDeals(trx, [submission.id])
  const [closed] = await closeDeals(trx, attribute, [submission])
  return outcomeOf(closed as Closed)
}

/** The same for several, whose locks the caller holds. */
async function closeDeals(
  trx: Kysely<Database>,
  attribute: Attribute,
  submissions: readonly Submission[],
): Promise<Closed[]> {
  // Of two submissions under one id the first counts; the second is measured against it as against any stored one.
  const firsts = new Map(submissions.toReversed().map((submission) => [submission.id, submission]))
  const inserted = await insertDeals(trx, [...firsts.values()])
  const subjects = inserted.map(({ id }) => {
    const { id: deal_id, submission: _, ...facts } = firsts.get(id) as Submission
    return { deal_id, facts, is_void: false }
  })
  if (subjects.length > 0) await recordVersions(trx, attribute, subjects, 'closed')

  const fresh = new Map(inserted.map((deal) => [firsts.get(deal.id), deal]))
  const rest = submissions.filter((submission) => !fresh.has(submission))
  const found = await listDealsByIds(
    trx,
    rest.map(({ id }) => id),
  )
  const splits = await listAttributions(trx, [...firsts.keys()])
  return submissions.map((given) => {
    const attribution = splits.get(given.id) as Attribution
    const deal = fresh.get(given)
    if (deal !== undefined) {
      return { status: 201, body: { deal: toDeal(deal), attribution: { ...attribution, cached: false } } }
    }
    const stored = found.get(given.id) as DealRow
    if (!stored.submission.equals(given.submission)) return { refusal: new DealExists(given.id) }
    return { status: 200, body: { deal: toDeal(stored), attribution } }
  })
}

function toSubmission(sent: NewDeal, defaults: DealDefaults): Submission {
  const { id = `deal_${uuid()}`, ...rest } = sent
  return { id, ...readFacts(rest, defaults), submission: digestOf(sent) }
}

function outcomeOf(closed: Closed): Outcome<DealSplit> {
  if ('refusal' in closed) throw closed.refusal
  return closed
}

// Two spellings of one instant are one submission, but midnight in another offset means another day's end.
function digestOf(sent: NewDeal): Buffer {
  const closed_date = sent.closed_date === undefined ? undefined : parseInstant(sent.closed_date)
  return hash('sha256', canonicalJson({ ...sent, closed_date }), 'buffer')
}

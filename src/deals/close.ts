import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { shareCommits } from '../database/commits.ts'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealExists } from '../errors.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import type { WriteOutcome } from '../http/idempotency.ts'
import { parseInstant } from '../values/instants.ts'
import { listAttributions } from '../splits/queries.ts'
import { type Attribute, recordVersions } from '../record/versions.ts'
import { type DealDefaults, readTerms } from '../record/read-terms.ts'
import { type DealSubmission, insertDeals, listDealsByIds, toDeal } from './queries.ts'
import type { Attribution } from '../splits/schemas.ts'
import type { DealRow, DealSplit, NewDeal } from './schemas.ts'

type Closed = WriteOutcome<DealSplit> | { readonly refusal: Error }

/** Closes deals with group commit: concurrent calls share a transaction. Errors: 400, 409. */
export function createClosing(db: Kysely<Database>, attribute: Attribute, defaults: DealDefaults) {
  const close = shareCommits<DealSubmission, Closed>(db, {
    dealOf: ({ id }) => id,
    work: (trx, submissions) => closeDeals(trx, attribute, submissions),
  })
  return async (sent: NewDeal): Promise<WriteOutcome<DealSplit>> =>
    outcomeOf(await close(toSubmission(sent, defaults)))
}

interface Closing {
  readonly attribute: Attribute
  readonly defaults: DealDefaults
  readonly sent: NewDeal
}

/** Stores a closed deal and its first split. The same submission again returns the current deal. Errors: 400, 409. */
export async function closeDeal(
  trx: Kysely<Database>,
  { attribute, defaults, sent }: Closing,
): Promise<WriteOutcome<DealSplit>> {
  const submission = toSubmission(sent, defaults)
  await lockDeals(trx, [submission.id])
  const [closed] = await closeDeals(trx, attribute, [submission])
  return outcomeOf(closed as Closed)
}

/** Closes several deals; the caller holds their locks. */
async function closeDeals(
  trx: Kysely<Database>,
  attribute: Attribute,
  submissions: readonly DealSubmission[],
): Promise<Closed[]> {
  // When two submissions have the same id, the first is stored and the second is compared with it.
  const firsts = new Map(submissions.toReversed().map((submission) => [submission.id, submission]))
  const inserted = await insertDeals(trx, [...firsts.values()])
  const deals = inserted.map(({ id }) => {
    const { id: deal_id, submission: _, ...terms } = firsts.get(id) as DealSubmission
    return { deal_id, terms, is_void: false }
  })
  if (deals.length > 0) await recordVersions(trx, { attribute, deals, reason: 'closed' })

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

function toSubmission(sent: NewDeal, defaults: DealDefaults): DealSubmission {
  const { id = `deal_${uuid()}`, ...rest } = sent
  return { id, ...readTerms(rest, defaults), submission: digestOf(sent) }
}

function outcomeOf(closed: Closed): WriteOutcome<DealSplit> {
  if ('refusal' in closed) throw closed.refusal
  return closed
}

// An instant may be written in two ways, but midnight in another offset ends another day: so isMidnight is digested too.
function digestOf(sent: NewDeal): Buffer {
  const closed_date = sent.closed_date === undefined ? undefined : parseInstant(sent.closed_date)
  return hash('sha256', canonicalJson({ ...sent, closed_date }), 'buffer')
}

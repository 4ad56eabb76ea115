import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import type { Database } from '../database/tables.ts'
import { DealFull, DealNotFound, DealVoid, invalid, RefundExists, RefundTooLarge } from '../errors.ts'
import { causeOf } from '../record/cause.ts'
import type { ChangedDeal } from '../record/changes.ts'
import { readAmount } from '../record/read-terms.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded, type RecordedDeal } from '../record/recorded-deals.ts'
import { netOf } from '../record/schemas.ts'
import type { Calendar } from '../values/calendar.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import { formatMoney } from '../values/money.ts'
import { countRefunds, findRefunds, insertRefunds, type NewRefundRow } from './queries.ts'
import type { NewRefund, RefundRow } from './schemas.ts'

const mostRefunds = 1000

/** A refund as a client sent it, with the digest of the request and the API key of the client. */
export interface RefundSubmission {
  readonly id: string
  readonly deal_id: string
  /** In units of the currency of the deal, which is known under the lock of the deal. */
  readonly amount: number
  readonly refunded_on: string
  readonly reason: string | null
  readonly submission: Buffer
  readonly keyId: string
}

interface Sent {
  readonly dealId: string
  readonly sent: NewRefund
  readonly keyId: string
}

/** Errors: 400 if the day is later than today. */
export function toSubmission({ dealId, sent, keyId }: Sent, calendar: Calendar): RefundSubmission {
  const today = calendar.dateOf(Date.now())
  const { id = `ref_${uuid()}`, amount, refunded_on = today, reason = null } = sent
  if (refunded_on > today)
    throw invalid([{ pointer: '/refunded_on', detail: `The day is later than today, ${today}.` }])
  const submission = hash('sha256', canonicalJson({ ...sent, deal_id: dealId }), 'buffer')
  return { id, deal_id: dealId, amount, refunded_on, reason, submission, keyId }
}

export type RefundResult =
  | { readonly refund: RefundRow; readonly deal: ChangedDeal; readonly isNew: boolean }
  | { readonly refusal: Error }

/**
 * Records refunds and splits their deals again, each once; the caller holds the locks of the deals. The same submission
 * again returns the stored refund.
 */
export async function recordRefunds(
  trx: Kysely<Database>,
  record: DealRecord,
  submissions: readonly RefundSubmission[],
): Promise<RefundResult[]> {
  const dealIds = [...new Set(submissions.map(({ deal_id }) => deal_id))]
  const stored = await findRefunds(
    trx,
    submissions.map(({ id }) => id),
  )
  const deals = await findRecorded(trx, dealIds)
  const admit = createAdmission(deals, await countRefunds(trx, dealIds))
  const refusals = new Map<RefundSubmission, Error>()
  const firsts = new Map<string, { readonly given: RefundSubmission; readonly row: NewRefundRow }>()
  for (const given of submissions) {
    if (stored.has(given.id) || firsts.has(given.id)) continue
    const row = admit(given)
    if (row instanceof Error) refusals.set(given, row)
    else firsts.set(given.id, { given, row })
  }
  // An id that another transaction took for another deal in the meantime is not inserted.
  const rows = await insertRefunds(
    trx,
    [...firsts.values()].map(({ row }) => row),
  )
  const inserted = new Map(rows.map((row) => [row.id, row]))
  const keyIds = new Map(submissions.map(({ id, keyId }) => [id, keyId]))
  const changes = [...Map.groupBy(rows, ({ deal_id }) => deal_id)].map(([deal_id, own]) => {
    const before = deals.get(deal_id) as RecordedDeal
    const refunded_minor = own.reduce((sum, row) => sum + row.amount_minor, before.row.refunded_minor)
    const cause = causeOf({
      refund_ids: own.map(({ id }) => id),
      api_key_ids: own.map(({ id }) => keyIds.get(id) as string),
      note: own.length === 1 ? (own[0]?.reason ?? undefined) : undefined,
    })
    const happened_on = own.map(({ refunded_on }) => refunded_on).reduce((a, b) => (a > b ? a : b))
    return { deal_id, before, after: { refunded_minor }, happened_on, cause }
  })
  const changed = await record.change(trx, 'refunded', changes)
  return submissions.map((given): RefundResult => {
    const refusal = refusals.get(given)
    if (refusal !== undefined) return { refusal }
    const refund = stored.get(given.id) ?? inserted.get(given.id)
    if (!refund?.submission.equals(given.submission)) return { refusal: new RefundExists(given.id) }
    const isNew = !stored.has(given.id) && firsts.get(given.id)?.given === given
    const unchanged = { ...(deals.get(given.deal_id) as RecordedDeal), isNew: false }
    return { refund, deal: changed.get(given.deal_id) ?? unchanged, isNew }
  })
}

/** Takes refunds of these deals one after another, as long as there is something left. */
function createAdmission(
  deals: ReadonlyMap<string, RecordedDeal>,
  counts: ReadonlyMap<string, number>,
): (given: RefundSubmission) => NewRefundRow | Error {
  const left = new Map([...deals].map(([id, { row }]) => [id, { minor: netOf(row), refunds: mostRefunds }]))
  for (const [id, count] of counts) (left.get(id) as { refunds: number }).refunds -= count
  return ({ id, deal_id, amount, refunded_on, reason, submission }) => {
    const deal = deals.get(deal_id)
    const room = left.get(deal_id)
    if (deal === undefined || room === undefined) return new DealNotFound(deal_id)
    if (deal.row.voided_at !== null) return new DealVoid(deal_id)
    if (room.refunds <= 0) return new DealFull(deal_id)
    const { currency } = deal.row
    const read = readAmount(amount, currency)
    if ('faults' in read) return invalid(read.faults)
    const amount_minor = read.value
    if (amount_minor > room.minor) return new RefundTooLarge(deal_id, formatMoney(room.minor, currency))
    room.minor -= amount_minor
    room.refunds -= 1
    return { id, deal_id, amount_minor, currency, refunded_on, reason, submission }
  }
}

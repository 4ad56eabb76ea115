import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealVoid, RefundNotFound } from '../errors.ts'
import { causeOf } from '../record/cause.ts'
import type { ChangedDeal } from '../record/changes.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded, type RecordedDeal } from '../record/recorded-deals.ts'
import { findRefunds, markRefundVoid } from './queries.ts'
import type { RefundRow } from './schemas.ts'

interface Voiding {
  readonly record: DealRecord
  readonly id: string
  readonly reason: string
  readonly keyId: string
}

/**
 * Voids a refund: it stays on record and no longer counts, and its deal is split again. Voiding it again changes nothing.
 * Errors: 404, 409 if the deal is void.
 */
export async function voidRefund(
  trx: Kysely<Database>,
  { record, id, reason, keyId }: Voiding,
): Promise<{ readonly refund: RefundRow; readonly deal: ChangedDeal }> {
  const deal_id = (await findRefunds(trx, [id])).get(id)?.deal_id
  if (deal_id === undefined) throw new RefundNotFound(id)
  await lockDeals(trx, [deal_id])
  const refund = (await findRefunds(trx, [id])).get(id) as RefundRow
  const before = (await findRecorded(trx, [deal_id])).get(deal_id) as RecordedDeal
  if (refund.voided_at !== null) return { refund, deal: { ...before, isNew: false } }
  if (before.row.voided_at !== null) throw new DealVoid(deal_id)
  const refunded_minor = before.row.refunded_minor - refund.amount_minor
  const cause = causeOf({ refund_ids: [id], api_key_ids: [keyId], note: reason })
  const changed = await record.change(trx, 'refund_voided', [
    { deal_id, before, after: { refunded_minor }, happened_on: refund.refunded_on, cause },
  ])
  const deal = changed.get(deal_id) as ChangedDeal
  const voided_at = deal.split.calculated_at
  return { refund: await markRefundVoid(trx, id, { voided_at, void_reason: reason }), deal }
}

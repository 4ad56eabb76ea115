import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { findDeal, toDeal } from '../deals/queries.ts'
import { DealNotFound } from '../errors.ts'
import { VoidReason } from '../events/schemas.ts'
import type { Write } from '../http/idempotency.ts'
import { answers } from '../http/problems.ts'
import type { ChangedDeal } from '../record/changes.ts'
import type { DealRecord } from '../record/record.ts'
import { toAttribution } from '../splits/queries.ts'
import type { Calendar } from '../values/calendar.ts'
import { describe, Id, Page, ref, Strict } from '../values/schemas.ts'
import { listRefunds, toRefund } from './queries.ts'
import { recordRefunds, type RefundResult, toSubmission } from './record-refunds.ts'
import { NewRefund, RefundPage, type RefundRow, RefundSplit } from './schemas.ts'
import { voidRefund } from './void.ts'

interface RefundsOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly record: DealRecord
  readonly calendar: Calendar
}

const tags = ['Refunds']
const dealParams = Type.Object({ dealId: describe(Id, 'The id of the deal.') })

const postRefund = {
  operationId: 'recordRefund',
  summary: 'Record that a part of a deal went back to the customer',
  description:
    'Records a refund and splits the deal again, on its net amount. The deal keeps its `amount`. A deal that is refunded in full keeps its percentages and pays 0. A refund is at most what is left (409), and a void deal takes none (409). A deal has at most 1,000 refunds, void ones included. With an `id` of your system, sending the refund again changes nothing.',
  tags,
  params: dealParams,
  body: ref(NewRefund),
  response: answers({ 201: ref(RefundSplit), 200: ref(RefundSplit) }, 404, 409),
}

const getRefunds = {
  operationId: 'listRefunds',
  summary: 'List the refunds of a deal',
  description: 'The refunds in the order in which they were recorded. Void refunds are included.',
  tags,
  params: dealParams,
  querystring: Strict(Page),
  response: answers({ 200: ref(RefundPage) }, 404),
}

const postVoid = {
  operationId: 'voidRefund',
  summary: 'Void a refund: it stays on record and no longer counts',
  description:
    'Takes a refund back, with a reason, and splits its deal again. Nothing is deleted. Voiding the refund again changes nothing. To correct a refund, void it and record the right one.',
  tags,
  params: Type.Object({ refundId: describe(Id, 'The id of the refund.') }),
  body: ref(VoidReason),
  response: answers({ 200: ref(RefundSplit) }, 404, 409),
}

export const refunds: FastifyPluginAsyncTypebox<RefundsOptions> = async (
  app,
  { db, write, record, calendar },
) => {
  app.post('/deals/:dealId/refunds', { schema: postRefund }, (request, reply) => {
    const { body: sent, params, caller } = request
    const submission = toSubmission({ dealId: params.dealId, sent, keyId: caller.id }, calendar)
    return write(request, reply, async (trx) => {
      await lockDeals(trx, [submission.deal_id])
      const [result] = (await recordRefunds(trx, record, [submission])) as [RefundResult]
      if ('refusal' in result) throw result.refusal
      return { status: result.isNew ? 201 : 200, body: toRefundSplit(result) }
    })
  })

  app.get('/deals/:dealId/refunds', { schema: getRefunds }, async ({ params: { dealId }, query }) => {
    const deal = await findDeal(db, dealId)
    if (deal === undefined) throw new DealNotFound(dealId)
    const { closed_on } = toDeal(deal)
    const { page, pagination } = await listRefunds(db, dealId, query)
    return { refunds: page.map((row) => toRefund(row, closed_on)), pagination }
  })

  app.post('/refunds/:refundId/void', { schema: postVoid }, (request, reply) => {
    const { params, body, caller } = request
    const voiding = { record, id: params.refundId, reason: body.reason, keyId: caller.id }
    return write(request, reply, async (trx) => ({
      status: 200,
      body: toRefundSplit(await voidRefund(trx, voiding)),
    }))
  })
}

interface RefundedDeal {
  readonly refund: RefundRow
  readonly deal: ChangedDeal
}

function toRefundSplit({ refund, deal: { row, split, isNew } }: RefundedDeal): RefundSplit {
  const deal = toDeal(row)
  const attribution = { ...toAttribution(split), cached: !isNew }
  return { refund: toRefund(refund, deal.closed_on), deal, attribution }
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { DealNotFound } from '../errors.ts'
import { serializeEvents, VoidReason } from '../events/schemas.ts'
import type { Write } from '../http/idempotency.ts'
import { confirmId } from '../values/confirm-id.ts'
import { readBounds } from '../values/periods.ts'
import { sendJson } from '../http/json.ts'
import { answers } from '../http/problems.ts'
import { Currency, describe, Id, ListPeriod, Page, ref, Strict } from '../values/schemas.ts'
import type { DealRecord } from '../record/record.ts'
import { amendDeal } from './amend.ts'
import { reinstateDeal, voidDeal } from './void.ts'
import { createClosing } from './close.ts'
import { declareDeal } from './declare.ts'
import type { DealDefaults } from '../record/read-terms.ts'
import { countEvents, findDeal, listDeals, listFirstEvents, toDeal } from './queries.ts'
import { AttributionModel } from '../record/terms-schemas.ts'
import { Deal, DealChange, DealDeclaration, DealDetail, DealPage, DealSplit, NewDeal } from './schemas.ts'

interface DealsOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly record: DealRecord
  readonly defaults: DealDefaults
}

const eventsShown = 100
const dealSchema = ref(Deal)

const tags = ['Deals']
const dealParams = Type.Object({ dealId: describe(Id, 'The id of the deal.') })

export const postDeal = {
  operationId: 'closeDeal',
  summary: 'Record a closed deal and split it at once',
  description:
    'Records a closed deal and splits its amount, by its model, among the partners that have touchpoints on it. A model parameter that is left out takes its default, which is stored with the deal. With an `id` of your system, sending the deal again changes nothing.',
  tags,
  body: ref(NewDeal),
  response: answers({ 201: ref(DealSplit), 200: ref(DealSplit) }, 409),
}

const dealQuery = Strict({
  attribution_model: Type.Optional(ref(AttributionModel)),
  partner_id: Type.Optional(
    describe(Id, 'Only deals with a touchpoint of this partner, or an agreed percentage for it.'),
  ),
  currency: Type.Optional(describe(Currency, 'Only deals in this currency, an ISO 4217 code.')),
  ...ListPeriod,
  ...Page,
})

const getDeals = {
  operationId: 'listDeals',
  summary: 'List deals, newest close first',
  description:
    'Deals by `closed_date`, newest first, without their `metadata`. Void deals are included. Days of the period are compared with `closed_on`, instants with `closed_date`. Deals that are recorded while you read the pages cause no repeats and no gaps. A deal whose `closed_date`, or another field that the list filters by, changes in the meantime can be missing or be listed twice; the later of the two is current. Every other deal is listed once.',
  tags,
  querystring: dealQuery,
  response: answers({ 200: ref(DealPage) }),
}

const getDeal = {
  operationId: 'getDeal',
  summary: 'Get a deal with its first events',
  description:
    'One deal, the number of its events, and the first 100 of them, oldest first, with the names of their partners. `GET /events?deal_id=` lists all events.',
  tags,
  params: dealParams,
  response: answers({ 200: Type.Unsafe<DealDetail | string>(ref(DealDetail)) }, 404),
}

const patchDeal = {
  operationId: 'amendDeal',
  summary: 'Correct a deal and split it again',
  description:
    'Changes the fields, parameters and weights that the body names. The others keep their values. If the model changes, only `close_grace_minutes` and `lookback_days` carry over. The stored `closed_date`, sent again, still stands for its whole day, or does not, as before. A change that changes nothing makes no version. The previous split stays in the history.',
  tags,
  params: dealParams,
  body: ref(DealChange),
  response: answers({ 200: ref(DealSplit) }, 404, 409),
}

const putDeal = {
  operationId: 'declareDeal',
  summary: 'Declare a deal as your system has it',
  description:
    'Makes the deal (201), changes it in one version, or finds it unchanged and writes nothing (200). It compares with the deal as it is now. A field that is left out keeps what is stored; for a new deal it takes its default. Objects that are sent are whole values, not merged. A void deal stays void: a declaration that would change it is refused (409).',
  tags,
  params: dealParams,
  body: ref(DealDeclaration),
  response: answers({ 201: ref(DealSplit), 200: ref(DealSplit) }, 409),
}

const postVoid = {
  operationId: 'voidDeal',
  summary: 'Void a deal: it stays on record and no longer counts',
  description:
    'Removes a deal from revenue and payouts, with a reason: its split becomes empty. Nothing is deleted. Voiding the deal again changes nothing.',
  tags,
  params: dealParams,
  body: ref(VoidReason),
  response: answers({ 200: ref(DealSplit) }, 404),
}

const postReinstate = {
  operationId: 'reinstateDeal',
  summary: 'Reinstate a void deal: it counts again',
  description:
    'Takes back that a deal was voided, with a reason. It is split again from the touchpoints that it has now. That it was void stays in the history. A deal that is not void stays as it is.',
  tags,
  params: dealParams,
  body: ref(VoidReason),
  response: answers({ 200: ref(DealSplit) }, 404),
}

export const deals: FastifyPluginAsyncTypebox<DealsOptions> = async (
  app,
  { db, write, record, defaults },
) => {
  const close = createClosing(db, record, defaults)

  app.post('/deals', { schema: postDeal }, (request, reply) =>
    write(request, reply, close({ sent: request.body, keyId: request.caller.id })),
  )

  app.get('/deals', { schema: getDeals }, ({ query: { start_date, end_date, ...filter } }) =>
    listDeals(db, { ...filter, closed: readBounds({ start_date, end_date }, defaults.calendar) }),
  )

  app.get('/deals/:dealId', { schema: getDeal }, async ({ params: { dealId } }, reply) => {
    const deal = await findDeal(db, dealId)
    if (deal === undefined) throw new DealNotFound(dealId)
    const events = await listFirstEvents(db, dealId, eventsShown)
    const count = events.length < eventsShown ? events.length : await countEvents(db, dealId)
    const text = reply.serializeInput(toDeal(deal), dealSchema)
    return sendJson(reply, serializeEvents(`{"deal":${text},"events":`, events, `,"events_count":${count}}`))
  })

  app.patch('/deals/:dealId', { schema: patchDeal }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: await amendDeal(trx, {
        record,
        defaults,
        id: request.params.dealId,
        change: request.body,
        keyId: request.caller.id,
      }),
    })),
  )

  app.put('/deals/:dealId', { schema: putDeal }, (request, reply) => {
    const { body: sent, params, caller } = request
    confirmId(params.dealId, sent)
    return write(request, reply, (trx) =>
      declareDeal(trx, { record, defaults }, { id: params.dealId, sent, keyId: caller.id }),
    )
  })

  app.post('/deals/:dealId/void', { schema: postVoid }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: await voidDeal(trx, {
        record,
        id: request.params.dealId,
        reason: request.body.reason,
        keyId: request.caller.id,
      }),
    })),
  )

  app.post('/deals/:dealId/reinstate', { schema: postReinstate }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: await reinstateDeal(trx, {
        record,
        calendar: defaults.calendar,
        id: request.params.dealId,
        reason: request.body.reason,
        keyId: request.caller.id,
      }),
    })),
  )
}

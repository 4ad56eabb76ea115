import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { type Static, Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { DealNotFound } from '../errors.ts'
import { serializeEvents, VoidReason } from '../events/schemas.ts'
import { readIdempotencyKey, type Write } from '../http/idempotency.ts'
import { readPeriod } from '../values/instants.ts'
import { sendJson } from '../http/json.ts'
import { answers } from '../http/problems.ts'
import { Currency, describe, Id, Page, PeriodFilter, ref, Strict } from '../values/schemas.ts'
import type { Attribute } from '../record/versions.ts'
import { amendDeal, voidDeal } from './amend.ts'
import { closeDeal, createClosing } from './close.ts'
import type { DealDefaults } from '../record/read-terms.ts'
import { countEvents, findDeal, listDeals, listFirstEvents, toDeal } from './queries.ts'
import { AttributionModel } from '../record/schemas.ts'
import { Deal, DealChange, DealDetail, DealPage, DealSplit, NewDeal } from './schemas.ts'

interface DealsOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly attribute: Attribute
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
  partner_id: Type.Optional(describe(Id, 'Only deals with a touchpoint of this partner.')),
  currency: Type.Optional(describe(Currency, 'Only deals in this currency, an ISO 4217 code.')),
  ...PeriodFilter,
  ...Page,
})

const getDeals = {
  operationId: 'listDeals',
  summary: 'List deals, newest close first',
  description:
    'Deals by `closed_date`, newest first. Void deals are included. The period is by `closed_date`.',
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
    'Changes the fields that the body names. Other fields, and other parameters of the same model, keep their values. The previous split stays in the history.',
  tags,
  params: dealParams,
  body: ref(DealChange),
  response: answers({ 200: ref(DealSplit) }, 404, 409),
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

export const deals: FastifyPluginAsyncTypebox<DealsOptions> = async (
  app,
  { db, write, attribute, defaults },
) => {
  const close = createClosing(db, attribute, defaults)

  app.post('/deals', { schema: postDeal }, async (request, reply) => {
    if (readIdempotencyKey(request) !== undefined) {
      return write(request, reply, (trx) => closeDeal(trx, { attribute, defaults, sent: request.body }))
    }
    const { status, body } = await close(request.body)
    void reply.code(status)
    return body
  })

  app.get('/deals', { schema: getDeals }, ({ query }) => listDeals(db, toFilter(query)))

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
      body: await amendDeal(trx, { attribute, defaults, id: request.params.dealId, change: request.body }),
    })),
  )

  app.post('/deals/:dealId/void', { schema: postVoid }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: await voidDeal(trx, { attribute, id: request.params.dealId, reason: request.body.reason }),
    })),
  )
}

function toFilter({ start_date, end_date, ...filter }: Static<typeof dealQuery>) {
  return { ...filter, ...readPeriod(start_date, end_date) }
}

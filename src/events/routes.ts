import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { limitConcurrency, type RunLimited } from '../database/limit-concurrency.ts'
import type { Database } from '../database/tables.ts'
import { EventNotFound } from '../errors.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import type { Write } from '../http/idempotency.ts'
import { sendJson } from '../http/json.ts'
import type { Metrics } from '../http/metrics.ts'
import { answers } from '../http/problems.ts'
import type { Calendar } from '../values/calendar.ts'
import { confirmId } from '../values/confirm-id.ts'
import { readBounds, toInstants } from '../values/periods.ts'
import { describe, Id, ListPeriod, Page, ref, Strict } from '../values/schemas.ts'
import type { DealRecord } from '../record/record.ts'
import { declareEvent, readDeclaration } from './declare.ts'
import { ingestAll } from './ingest.ts'
import type { EventAuthor } from './read-events.ts'
import { findEvent, listEvents } from './queries.ts'
import { createTracking } from './store-in-groups.ts'
import { listRevisionsOf } from './revision-queries.ts'
import { reinstateEvent, voidEvent } from './void.ts'
import {
  Accepted,
  EventAnswer,
  EventDeclaration,
  EventPage,
  EventRevisions,
  NewEvent,
  NewEvents,
  serializeEvents,
  VoidReason,
} from './schemas.ts'

interface EventsOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly record: DealRecord
  readonly metrics: Metrics
  readonly calendar: Calendar
  /** Limits how many batches of all requests lock deals at the same time. */
  readonly inTurn: RunLimited
}

// Rows of all pages that are built at the same time: each may have 16 kB of metadata.
const rowsAtOnce = 1000
const pagesWaiting = 1000

const tags = ['Events']
const eventParams = Type.Object({ eventId: describe(Id, 'The id of the event.') })

export const trackEvent = {
  operationId: 'trackEvent',
  summary: 'Track a touchpoint, before or after its deal is recorded',
  description:
    'Records what a partner did on a deal. The deal need not exist yet. If the deal is closed, it is split again in the same transaction. With an `id` of your system, sending the event again changes nothing.',
  tags,
  body: ref(NewEvent),
  response: answers({ 201: ref(EventAnswer), 200: ref(EventAnswer) }, 409),
}

const trackEvents = {
  operationId: 'trackEvents',
  summary: 'Track up to 1000 touchpoints, all or nothing',
  description:
    'Records all of the events. If one is refused, none is recorded, and `errors` names each refused event by its index. An event that is stored already, with the same `id` and content, counts as a duplicate.',
  tags,
  body: ref(NewEvents),
  response: answers({ 201: ref(Accepted) }, 409),
}

const getEvents = {
  operationId: 'listEvents',
  summary: 'List events, newest first',
  description:
    'Events by `timestamp`, newest first. Void events are included. The period is by `timestamp`. Events that are stored or voided while you read the pages cause no repeats and no gaps.',
  tags,
  querystring: Strict({
    deal_id: Type.Optional(describe(Id, 'Only events of this deal.')),
    partner_id: Type.Optional(describe(Id, 'Only events of this partner.')),
    ...ListPeriod,
    ...Page,
  }),
  response: answers({ 200: Type.Unsafe<EventPage | string>(ref(EventPage)) }),
}

const getEvent = {
  operationId: 'getEvent',
  summary: 'Get an event',
  description: 'One event. A void event has `voided_at` and `void_reason`.',
  tags,
  params: eventParams,
  response: answers({ 200: ref(EventAnswer) }, 404),
}

const putEvent = {
  operationId: 'declareEvent',
  summary: 'Declare an event as your system has it',
  description:
    'Stores the event (201), corrects its partner, deal, type, time or metadata under its id, or finds it unchanged and writes nothing (200). It compares with the event as it is now. A `timestamp` or `metadata` that is left out keeps what is stored; for a new event it takes its default. Closed deals that the event is on, or was on, are split again. The earlier revision stays on record. A void event stays void: a declaration that would change it is refused (409).',
  tags,
  params: eventParams,
  body: ref(EventDeclaration),
  response: answers({ 201: ref(EventAnswer), 200: ref(EventAnswer) }, 409),
}

const postVoid = {
  operationId: 'voidEvent',
  summary: 'Void an event: it stays on record and no longer counts',
  description:
    'Removes an event from the split of its deal, with a reason. The deal is split again. Nothing is deleted. Voiding the event again changes nothing.',
  tags,
  params: eventParams,
  body: ref(VoidReason),
  response: answers({ 200: ref(EventAnswer) }, 404),
}

const postReinstate = {
  operationId: 'reinstateEvent',
  summary: 'Reinstate a void event: it counts again',
  description:
    'Takes back that an event was voided, with a reason. The deal is split again. That it was void stays on record, in the revisions of the event. An event that is not void stays as it is.',
  tags,
  params: eventParams,
  body: ref(VoidReason),
  response: answers({ 200: ref(EventAnswer) }, 404, 409),
}

const getRevisions = {
  operationId: 'listEventRevisions',
  summary: 'List the revisions of an event, oldest first',
  description:
    'The event as it was before each correction, and as it is now. Each reinstatement makes a revision too: the one before it was void.',
  tags,
  params: eventParams,
  querystring: Strict({ limit: Page.limit, cursor: Page.cursor }),
  response: answers({ 200: Type.Unsafe<EventRevisions | string>(ref(EventRevisions)) }, 404),
}

export const events: FastifyPluginAsyncTypebox<EventsOptions> = async (app, needs) => {
  const { db, write, record, metrics, calendar, inTurn } = needs
  const authorOf = ({ caller }: FastifyRequest): EventAuthor => ({ keyId: caller.id, calendar })
  const track = createTracking(db, record, metrics)
  const list = limitConcurrency(rowsAtOnce, pagesWaiting)

  app.post('/events', { schema: trackEvent }, (request, reply) =>
    write(request, reply, track(request.body, authorOf(request))),
  )

  app.post('/events/batch', { schema: trackEvents }, (request, reply) =>
    inTurn(() =>
      write(request, reply, async (trx) => ({
        status: 201,
        body: await ingestAll(trx, record, { events: request.body.events, author: authorOf(request) }),
      })),
    ),
  )

  app.get('/events', { schema: getEvents }, async ({ query }, reply) => {
    const { start_date, end_date, ...filter } = query
    const bounds = toInstants(readBounds({ start_date, end_date }, calendar), calendar)
    const bytes = await list(
      async () => {
        const { page, pagination } = await listEvents(db, { ...filter, ...bounds })
        return serializeEvents('{"events":', page, `,"pagination":${JSON.stringify(pagination)}}`)
      },
      { weight: query.limit ?? 100, signal: clientSignalOf(reply) },
    )
    return sendJson(reply, bytes)
  })

  app.get('/events/:eventId', { schema: getEvent }, async ({ params: { eventId } }) => {
    const event = await findEvent(db, eventId)
    if (event === undefined) throw new EventNotFound(eventId)
    return { event }
  })

  app.get('/events/:eventId/revisions', { schema: getRevisions }, async ({ params, query }, reply) => {
    const { eventId } = params
    const bytes = await list(
      async () => {
        const { page, pagination } = await listRevisionsOf(db, eventId, query)
        if (page.length === 0 && (await findEvent(db, eventId)) === undefined)
          throw new EventNotFound(eventId)
        return serializeEvents('{"revisions":', page, `,"pagination":${JSON.stringify(pagination)}}`)
      },
      { weight: query.limit ?? 100, signal: clientSignalOf(reply) },
    )
    return sendJson(reply, bytes)
  })

  app.post('/events/:eventId/reinstate', { schema: postReinstate }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: {
        event: await reinstateEvent(trx, {
          record,
          calendar,
          id: request.params.eventId,
          reason: request.body.reason,
          keyId: request.caller.id,
        }),
      },
    })),
  )

  app.put('/events/:eventId', { schema: putEvent }, (request, reply) => {
    const { body, params } = request
    confirmId(params.eventId, body)
    const declaration = readDeclaration({ ...body, id: params.eventId }, authorOf(request))
    return write(request, reply, (trx) => declareEvent(trx, { record, calendar }, declaration))
  })

  app.post('/events/:eventId/void', { schema: postVoid }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: {
        event: await voidEvent(trx, {
          record,
          id: request.params.eventId,
          reason: request.body.reason,
          keyId: request.caller.id,
        }),
      },
    })),
  )
}

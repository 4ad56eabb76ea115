import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { EventNotFound } from '../errors.ts'
import type { Write } from '../http/idempotency.ts'
import { answers } from '../http/problems.ts'
import { Id, Listing, Page, ref, Strict } from '../http/schemas.ts'
import type { Attribute } from '../record/versions.ts'
import { ingestAll, ingestOne, voidEvent } from './ingest.ts'
import { findEvent, listEvents } from './queries.ts'
import { Accepted, Event, NewEvent, NewEvents, VoidReason } from './schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly attribute: Attribute
}

const tags = ['Events']
const eventParams = Type.Object({ eventId: Id })
const oneEvent = Type.Object({ event: ref(Event) })

const trackEvent = {
  operationId: 'trackEvent',
  summary: 'Track a touchpoint, before or after its deal is recorded',
  tags,
  body: ref(NewEvent),
  response: answers({ 201: oneEvent, 200: oneEvent }, 409),
}

const trackEvents = {
  operationId: 'trackEvents',
  summary: 'Track up to 1000 touchpoints, all or nothing',
  tags,
  body: ref(NewEvents),
  response: answers({ 201: ref(Accepted) }, 409),
}

const getEvents = {
  operationId: 'listEvents',
  summary: 'List events, newest first',
  tags,
  querystring: Strict({ deal_id: Type.Optional(Id), partner_id: Type.Optional(Id), ...Page }),
  response: answers({ 200: Listing({ events: Type.Array(ref(Event)) }) }),
}

const getEvent = {
  operationId: 'getEvent',
  summary: 'An event',
  tags,
  params: eventParams,
  response: answers({ 200: oneEvent }, 404),
}

const postVoid = {
  operationId: 'voidEvent',
  summary: 'Void an event: it stays on record and no longer counts',
  tags,
  params: eventParams,
  body: ref(VoidReason),
  response: answers({ 200: oneEvent }, 404),
}

export const events: FastifyPluginAsyncTypebox<Needs> = async (app, { db, write, attribute }) => {
  app.post('/events', { schema: trackEvent }, (request, reply) =>
    write(request, reply, (trx) => ingestOne(trx, attribute, request.body)),
  )

  app.post('/events/batch', { schema: trackEvents }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 201,
      body: await ingestAll(trx, attribute, request.body.events),
    })),
  )

  app.get('/events', { schema: getEvents }, async ({ query }) => {
    const { page, pagination } = await listEvents(db, query)
    return { events: page, pagination }
  })

  app.get('/events/:eventId', { schema: getEvent }, async ({ params: { eventId } }) => {
    const event = await findEvent(db, eventId)
    if (event === undefined) throw new EventNotFound(eventId)
    return { event }
  })

  app.post('/events/:eventId/void', { schema: postVoid }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: { event: await voidEvent(trx, attribute, request.params.eventId, request.body.reason) },
    })),
  )
}

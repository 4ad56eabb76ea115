import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { actorOf } from '../audit/actors.ts'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import { requireScope } from '../http/authentication.ts'
import type { Write } from '../http/idempotency.ts'
import { answers } from '../http/problems.ts'
import { Currency, Id, Page, ref, Strict, Text } from '../values/schemas.ts'
import { changePartner, eraseDetails } from './change-partner.ts'
import { findPartner, listPartners, sumPartner } from './queries.ts'
import { answerOf, registerPartner, toPartner } from './register.ts'
import { revealDetails } from './reveal.ts'
import {
  NewPartner,
  PartnerAnswer,
  PartnerChange,
  PartnerDetail,
  PartnerPage,
  PayoutDetailsAnswer,
} from './schemas.ts'
import type { Vault } from './vault.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly vault: Vault
  readonly defaultCurrency: string
}

const tags = ['Partners']
const partnerParams = Type.Object({ partnerId: Id })

const createPartner = {
  operationId: 'createPartner',
  summary: 'Register a partner',
  description:
    'Registers who can earn a share. With an `id` of yours the same submission again finds the partner; another one under that id, or a taken e-mail address, is a 409. Payout details need the scope `payouts:write` too; they are stored encrypted, masked in every answer, and no part of what makes two submissions the same: `PATCH` changes them.',
  tags,
  body: ref(NewPartner),
  response: answers({ 201: ref(PartnerAnswer), 200: ref(PartnerAnswer) }, 409),
}

const getPartners = {
  operationId: 'listPartners',
  summary: 'List partners by id',
  description:
    'Every partner, active or not, in the order of their ids. `email` finds the one with that address, whatever its case.',
  tags,
  querystring: Strict({ email: Type.Optional(Text(254)), ...Page }),
  response: answers({ 200: ref(PartnerPage) }),
}

const getPartner = {
  operationId: 'getPartner',
  summary: 'A partner with its totals in one currency',
  description:
    'The partner, and over the deals that credit it now: how many, what they pay it, and its touchpoints in them.',
  tags,
  params: partnerParams,
  querystring: Strict({ currency: Type.Optional(Currency) }),
  response: answers({ 200: ref(PartnerDetail) }, 404),
}

const patchPartner = {
  operationId: 'updatePartner',
  summary: 'Change a partner; an inactive one takes no new events and keeps its credit',
  description:
    'Changes what the body names and leaves the rest. An inactive partner takes no new events (409) and keeps its credit. Payout details need the scope `payouts:write` too, and replace those that there are; a masked one sent back is a 400.',
  tags,
  params: partnerParams,
  body: ref(PartnerChange),
  response: answers({ 200: ref(PartnerAnswer) }, 404, 409),
}

const revealPayoutDetails = {
  operationId: 'revealPayoutDetails',
  summary: 'Payout details in clear; each reading is recorded',
  description:
    'The payout details as they were sent, for a payout run. Who read them, and when, is recorded. No other scope includes this one.',
  tags,
  params: partnerParams,
  response: answers({ 200: ref(PayoutDetailsAnswer) }, 404),
}

const erasePayoutDetails = {
  operationId: 'erasePayoutDetails',
  summary: 'Erase payout details at once',
  description:
    'Removes the payout details for good, with all that is derived from them. Nothing else of the partner changes.',
  tags,
  params: partnerParams,
  response: answers({ 200: ref(PartnerAnswer) }, 404),
}

export const partners: FastifyPluginAsyncTypebox<Needs> = async (
  app,
  { db, write, vault, defaultCurrency },
) => {
  app.post('/partners', { schema: createPartner }, async (request, reply) => {
    const { body, caller } = request
    if (body.payout_details !== undefined) requireScope(caller, 'payouts:write')
    return write(request, reply, (trx) => registerPartner(trx, vault, body, actorOf(request)))
  })

  app.get('/partners', { schema: getPartners }, async ({ query }) => {
    const { page, pagination } = await listPartners(db, query)
    return { partners: page.map((row) => toPartner(vault, row)), pagination }
  })

  app.get('/partners/:partnerId', { schema: getPartner }, async ({ params: { partnerId }, query }) => {
    const partner = await findPartner(db, partnerId)
    if (partner === undefined) throw new PartnerNotFound(partnerId)
    const stats = await sumPartner(db, partnerId, query.currency ?? defaultCurrency)
    return { partner: toPartner(vault, partner), stats }
  })

  app.patch('/partners/:partnerId', { schema: patchPartner }, async (request, reply) => {
    const { body, caller, params } = request
    if (body.payout_details !== undefined) requireScope(caller, 'payouts:write')
    return write(request, reply, async (trx) =>
      answerOf(vault, 200, await changePartner(trx, vault, params.partnerId, body, actorOf(request))),
    )
  })

  const reveal = { schema: revealPayoutDetails, config: { scope: 'payouts:read' } }
  app.get('/partners/:partnerId/payout-details', reveal, async (request, reply) => {
    const { partnerId } = request.params
    void reply.header('cache-control', 'no-store')
    const payout_details = await db
      .transaction()
      .execute((trx) => revealDetails(trx, vault, partnerId, actorOf(request)))
    return { payout_details }
  })

  const erase = { schema: erasePayoutDetails, config: { scope: 'payouts:write' } }
  app.delete('/partners/:partnerId/payout-details', erase, async ({ params, caller, id }) => {
    const actor = actorOf({ caller, id })
    const erased = await db.transaction().execute((trx) => eraseDetails(trx, vault, params.partnerId, actor))
    return { partner: toPartner(vault, erased) }
  })
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { actorOf } from '../audit/actors.ts'
import type { Database } from '../database/tables.ts'
import { MergeNotFound, PartnerNotFound } from '../errors.ts'
import type { ConfirmTimeZone } from '../database/time-zone.ts'
import { requireScope } from '../http/authentication.ts'
import type { Write } from '../http/idempotency.ts'
import { answers } from '../http/problems.ts'
import type { DealRecord } from '../record/record.ts'
import { confirmId } from '../values/confirm-id.ts'
import { describe, Id, Page, ref, ReportCurrency, Strict, Text } from '../values/schemas.ts'
import { changePartner, eraseDetails } from './change-partner.ts'
import { declarePartner } from './declare.ts'
import { isEmpty } from './payout-details.ts'
import { findPartner, listPartners, sumPartner } from './queries.ts'
import { answerOf, registerPartner, toListed, toPartner } from './register.ts'
import { findMerge } from './merge-queries.ts'
import { mergePartner, toMerge } from './merge.ts'
import { revealDetails } from './reveal.ts'
import {
  MergeAnswer,
  NewMerge,
  NewPartner,
  PartnerAnswer,
  PartnerChange,
  PartnerDeclaration,
  PartnerDetail,
  PartnerPage,
  PayoutDetailsAnswer,
} from './schemas.ts'
import type { Vault } from './vault.ts'

interface PartnersOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly record: DealRecord
  readonly confirmTimeZone: ConfirmTimeZone
  readonly vault: Vault
  readonly defaultCurrency: string
}

const tags = ['Partners']
const partnerParams = Type.Object({ partnerId: describe(Id, 'The id of the partner.') })

const createPartner = {
  operationId: 'createPartner',
  summary: 'Register a partner',
  description:
    'Registers a partner. With an `id` of your system, sending the same partner again changes nothing. Another partner under that id, or with a taken e-mail address, is refused (409). Payout details also need the scope `payouts:write`. They are not compared when a partner is sent again: change them with `PATCH`.',
  tags,
  body: ref(NewPartner),
  response: answers({ 201: ref(PartnerAnswer), 200: ref(PartnerAnswer) }, 409),
}

const getPartners = {
  operationId: 'listPartners',
  summary: 'List partners by id',
  description: 'All partners, active or not, ordered by id, without their `metadata`.',
  tags,
  querystring: Strict({
    email: Type.Optional(describe(Text(254), 'Only the partner with this e-mail address, in any case.')),
    group: Type.Optional(describe(Text(100), 'Only the partners of this group.')),
    ...Page,
  }),
  response: answers({ 200: ref(PartnerPage) }),
}

const getPartner = {
  operationId: 'getPartner',
  summary: 'Get a partner with its totals in one currency',
  description:
    'The partner, and its totals over the deals that credit it: how many deals, its payouts and its touchpoints.',
  tags,
  params: partnerParams,
  querystring: Strict({ currency: Type.Optional(ReportCurrency) }),
  response: answers({ 200: ref(PartnerDetail) }, 404),
}

const patchPartner = {
  operationId: 'updatePartner',
  summary: 'Change a partner',
  description:
    'Changes the fields that the body names. An inactive partner takes no events dated while it was inactive (409) and keeps its payouts. A change of `status`, `group` or `credit_after_leaving` counts for deals that close from the next day on. Payout details also need the scope `payouts:write` and replace all earlier ones. A masked value that is sent back is refused (400).',
  tags,
  params: partnerParams,
  body: ref(PartnerChange),
  response: answers({ 200: ref(PartnerAnswer) }, 404, 409),
}

const putPartner = {
  operationId: 'declarePartner',
  summary: 'Declare a partner as your system has it',
  description:
    'Makes the partner (201), changes it, or finds it unchanged and writes nothing (200). It compares with the partner as it is now. A field that is left out keeps what is stored; for a new partner it takes its default. `metadata` that is sent is the whole object, not merged. Payout details are not taken: use `POST` or `PATCH`.',
  tags,
  params: partnerParams,
  body: ref(PartnerDeclaration),
  response: answers({ 201: ref(PartnerAnswer), 200: ref(PartnerAnswer) }, 409),
}

const revealPayoutDetails = {
  operationId: 'revealPayoutDetails',
  summary: 'Read payout details unmasked; each reading is recorded',
  description:
    'The payout details as they were sent. The audit records who read them, and when. No other scope includes `payouts:read`.',
  tags,
  params: partnerParams,
  response: answers({ 200: ref(PayoutDetailsAnswer) }, 404),
}

const erasePayoutDetails = {
  operationId: 'erasePayoutDetails',
  summary: 'Erase payout details',
  description: 'Deletes the payout details at once and for good. Nothing else of the partner changes.',
  tags,
  params: partnerParams,
  response: answers({ 200: ref(PartnerAnswer) }, 404),
}

const postMerge = {
  operationId: 'mergePartner',
  summary: 'Merge a partner into another one',
  description:
    'All touchpoints and agreed percentages of the partner become those of the partner `into`. A job moves them, deal by deal; each deal is split again. From now on, what is sent for the merged partner means the other one. The merged partner stays readable, with `merged_into`, and is inactive when the job is done. Its e-mail address and payout details stay with it. A merge cannot be undone. Sent again, it answers with its progress.',
  tags,
  params: partnerParams,
  body: ref(NewMerge),
  response: answers({ 202: ref(MergeAnswer) }, 404, 409),
}

const getMerge = {
  operationId: 'getMerge',
  summary: 'Get the progress of the merge of a partner',
  description: 'The merge of this partner into another one. It is done when `finished_at` is set.',
  tags,
  params: partnerParams,
  response: answers({ 200: ref(MergeAnswer) }, 404),
}

export const partners: FastifyPluginAsyncTypebox<PartnersOptions> = async (
  app,
  { db, write, record, confirmTimeZone, vault, defaultCurrency },
) => {
  app.post('/partners', { schema: createPartner }, async (request, reply) => {
    const { body, caller } = request
    if (!isEmpty(body.payout_details ?? {})) requireScope(caller, 'payouts:write')
    return write(request, reply, (trx) =>
      registerPartner(trx, { vault, partner: body, actor: actorOf(request) }),
    )
  })

  app.get('/partners', { schema: getPartners }, async ({ query }) => {
    const { page, pagination } = await listPartners(db, query)
    return { partners: page.map((row) => toListed(vault, row)), pagination }
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
    // A change may split deals again, which needs the days of the service.
    await confirmTimeZone()
    const update = { vault, record, id: params.partnerId, change: body, actor: actorOf(request) }
    return write(request, reply, async (trx) => answerOf(vault, 200, await changePartner(trx, update)))
  })

  app.put('/partners/:partnerId', { schema: putPartner }, async (request, reply) => {
    const { body: sent, params } = request
    confirmId(params.partnerId, sent)
    await confirmTimeZone()
    const declaration = { vault, record, id: params.partnerId, sent, actor: actorOf(request) }
    return write(request, reply, (trx) => declarePartner(trx, declaration))
  })

  const merge = { schema: postMerge, config: { scope: 'admin' } }
  app.post('/partners/:partnerId/merge', merge, (request, reply) =>
    write(request, reply, async (trx) => {
      const { params, body, caller } = request
      const sent = { id: params.partnerId, ...body, keyId: caller.id, actor: actorOf(request) }
      return { status: 202, body: { merge: await mergePartner(trx, sent) } }
    }),
  )

  app.get('/partners/:partnerId/merge', { schema: getMerge }, async ({ params: { partnerId } }) => {
    const merge = await findMerge(db, partnerId)
    if (merge === undefined) throw new MergeNotFound(partnerId)
    return { merge: toMerge(merge) }
  })

  const reveal = { schema: revealPayoutDetails, config: { scope: 'payouts:read' } }
  app.get('/partners/:partnerId/payout-details', reveal, async (request, reply) => {
    const { partnerId } = request.params
    void reply.header('cache-control', 'no-store')
    const payout_details = await db
      .transaction()
      .execute((trx) => revealDetails(trx, { vault, id: partnerId, actor: actorOf(request) }))
    return { payout_details }
  })

  const erase = { schema: erasePayoutDetails, config: { scope: 'payouts:write' } }
  app.delete('/partners/:partnerId/payout-details', erase, async ({ params, caller, id }) => {
    const erasure = { vault, id: params.partnerId, actor: actorOf({ caller, id }) }
    const erased = await db.transaction().execute((trx) => eraseDetails(trx, erasure))
    return { partner: toPartner(vault, erased) }
  })
}

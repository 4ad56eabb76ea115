import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { TakeTurn } from '../database/group.ts'
import type { Database } from '../database/tables.ts'
import type { Write } from '../http/idempotency.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import { allowNoBody } from '../http/json.ts'
import { answers } from '../http/problems.ts'
import { Id, Page, ref, Strict, Timestamp } from '../values/schemas.ts'
import { groupFinds } from './queries.ts'
import { listHistory } from './history-queries.ts'
import type { Memo } from '../record/memo.ts'
import type { Attribute } from '../record/versions.ts'
import { recalculate } from './recalculate.ts'
import { explainAttribution, getAttributionAt, getCurrent } from './explain-split.ts'
import { ExplainedAttribution } from './explanation-schemas.ts'
import { Attribution, AttributionHistory } from './schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly attribute: Attribute
  readonly memo: Memo
  readonly calculate: TakeTurn
}

const tags = ['Attribution']
const dealParams = Type.Object({ dealId: Id })

export const getAttribution = {
  operationId: 'getAttribution',
  summary: 'The split of a deal, as it stands or as it stood at an instant',
  description:
    'Who gets how much of the deal. The payouts and what is unattributed add up to the amount, to the minor unit; the percentages add up to 100.',
  tags,
  params: dealParams,
  querystring: Strict({
    explain: Type.Optional(Type.Boolean({ description: 'Say where every minor unit comes from.' })),
    as_of: Type.Optional(Timestamp),
  }),
  response: answers({ 200: ref(ExplainedAttribution) }, 404),
}

const getHistory = {
  operationId: 'getAttributionHistory',
  summary: "Every version of a deal's split, oldest first: when, why and what",
  description:
    'What was believed, when and why: a version for every change of what the split is worked out from. A page whose versions have many shares holds fewer than `limit`; its `next_cursor` leads on.',
  tags,
  params: dealParams,
  querystring: Strict({ limit: Page.limit, cursor: Page.cursor }),
  response: answers({ 200: ref(AttributionHistory) }, 404),
}

const postRecalculation = {
  operationId: 'recalculateAttribution',
  summary: 'Split a deal again from its stored facts',
  description:
    'Works the split out again from the stored facts. Where they are what they were, the same version answers.',
  tags,
  params: dealParams,
  body: Strict({}),
  response: answers({ 200: ref(Attribution) }, 404),
}

export const splits: FastifyPluginAsyncTypebox<Needs> = async (
  app,
  { db, write, attribute, memo, calculate },
) => {
  const find = groupFinds(db)

  app.get('/attribution/:dealId', { schema: getAttribution }, (request, reply) => {
    const { dealId } = request.params
    const { explain, as_of: asOf } = request.query
    if (explain === true) {
      const signal = clientSignalOf(reply)
      return calculate(() => explainAttribution(db, memo, dealId, { asOf, signal }), { signal })
    }
    return asOf === undefined ? getCurrent(find, dealId) : getAttributionAt(db, dealId, asOf)
  })

  app.get('/attribution/:dealId/history', { schema: getHistory }, ({ params: { dealId }, query }) =>
    listHistory(db, dealId, query),
  )

  const recalculation = { schema: postRecalculation, preValidation: allowNoBody }
  app.post('/attribution/:dealId/recalculate', recalculation, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: await recalculate(trx, attribute, request.params.dealId),
    })),
  )
}

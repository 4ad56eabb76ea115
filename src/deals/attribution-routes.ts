import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { DealNotFound } from '../errors.ts'
import type { Write } from '../http/idempotency.ts'
import { allowNoBody } from '../http/json.ts'
import { answers } from '../http/problems.ts'
import { Id, ref, Strict, Timestamp } from '../http/schemas.ts'
import { groupFinds, listHistory } from '../record/attributions.ts'
import type { Attribute } from '../record/versions.ts'
import { recalculate } from './amend.ts'
import { explainAttribution, getCurrent } from './explain.ts'
import type { DealDefaults } from './facts.ts'
import { ExplainedAttribution } from './explanation-schemas.ts'
import { Attribution, AttributionHistory } from './schemas.ts'
import { runScenario } from './scenario.ts'
import { Scenario, ScenarioResult } from './scenario-schemas.ts'
import { compareModels, simulate } from './what-if.ts'
import { Comparison, SimulatedAttribution, Simulation } from './what-if-schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly attribute: Attribute
  readonly defaults: DealDefaults
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
    'What was believed, when and why: a version for every change of what the split is worked out from.',
  tags,
  params: dealParams,
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

const getComparison = {
  operationId: 'compareModels',
  summary: 'The same deal under every model; stores nothing',
  description: 'What each partner would get of this deal under each model, with default parameters.',
  tags,
  params: dealParams,
  response: answers({ 200: ref(Comparison) }, 404),
}

const postSimulation = {
  operationId: 'simulateAttribution',
  summary: 'Split a deal given in the body; stores nothing',
  description:
    'Splits a deal and events that exist only in this request. Partners that are not registered go by their ids.',
  tags,
  body: ref(Simulation),
  response: answers({ 200: ref(SimulatedAttribution) }),
}

const postScenario = {
  operationId: 'runScenario',
  summary: 'What the deals of a period would pay under another model; stores nothing',
  description:
    'What every partner would have got of the deals closed in a period under another model, beside what it gets now. The differences, with the unattributed, add up to zero. Every deal of the period is split again, so it takes as long as there are many.',
  tags,
  body: ref(Scenario),
  response: answers({ 200: ref(ScenarioResult) }),
}

export const attributions: FastifyPluginAsyncTypebox<Needs> = async (
  app,
  { db, write, attribute, defaults },
) => {
  const find = groupFinds(db)

  app.get('/attribution/:dealId', { schema: getAttribution }, ({ params: { dealId }, query }) =>
    query.explain === true || query.as_of !== undefined
      ? explainAttribution(db, attribute, dealId, query)
      : getCurrent(find, dealId),
  )

  app.get('/attribution/:dealId/history', { schema: getHistory }, async ({ params: { dealId } }) => {
    const versions = await listHistory(db, dealId)
    if (versions.length === 0) throw new DealNotFound(dealId)
    return { versions }
  })

  const recalculation = { schema: postRecalculation, preValidation: allowNoBody }
  app.post('/attribution/:dealId/recalculate', recalculation, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: await recalculate(trx, attribute, request.params.dealId),
    })),
  )

  app.get('/attribution/:dealId/compare', { schema: getComparison }, ({ params: { dealId } }) =>
    compareModels(db, attribute, defaults, dealId),
  )

  app.post('/analytics/what-if', { schema: postScenario, config: { scope: 'read' } }, ({ body }) =>
    runScenario(db, attribute, defaults, body),
  )

  app.post('/attribution/simulate', { schema: postSimulation, config: { scope: 'read' } }, ({ body }) =>
    simulate(db, attribute, defaults, body),
  )
}

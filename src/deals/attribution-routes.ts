import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { takeTurns } from '../database/group.ts'
import type { Database } from '../database/tables.ts'
import type { Write } from '../http/idempotency.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import { allowNoBody } from '../http/json.ts'
import { answers } from '../http/problems.ts'
import { Id, Page, ref, Strict, Timestamp } from '../http/schemas.ts'
import { groupFinds } from '../record/attributions.ts'
import { listHistory } from '../record/history.ts'
import type { Memo } from '../record/memo.ts'
import type { Attribute } from '../record/versions.ts'
import { recalculate } from './amend.ts'
import { explainAttribution, getAttributionAt, getCurrent } from './explain.ts'
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
  readonly memo: Memo
  readonly defaults: DealDefaults
}

// Each computes for up to some 100 ms in all, in pieces.
const calculationsAtOnce = 2
const calculationsWaiting = 100
// Each may take seconds: in a line of their own, so that no short calculation waits for them.
const scenariosAtOnce = 2
const scenariosWaiting = 10

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
    'What every partner would have got of the deals closed in a period under another model, beside what it gets now. The differences, with the unattributed, add up to zero. Every deal of the period is split again, so it takes as long as there are many: at most 100,000, with at most 500,000 touchpoints.',
  tags,
  body: ref(Scenario),
  response: answers({ 200: ref(ScenarioResult) }),
}

export const attributions: FastifyPluginAsyncTypebox<Needs> = async (
  app,
  { db, write, attribute, memo, defaults },
) => {
  const find = groupFinds(db)
  const calculate = takeTurns(calculationsAtOnce, calculationsWaiting)
  const calculateScenario = takeTurns(scenariosAtOnce, scenariosWaiting)

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

  app.get('/attribution/:dealId/compare', { schema: getComparison }, ({ params: { dealId } }, reply) => {
    const signal = clientSignalOf(reply)
    return calculate(() => compareModels(db, memo, defaults, { dealId, signal }), { signal })
  })

  app.post('/analytics/what-if', { schema: postScenario, config: { scope: 'read' } }, ({ body }, reply) => {
    const signal = clientSignalOf(reply)
    return calculateScenario(() => runScenario(db, defaults, body, signal), { signal })
  })

  app.post(
    '/attribution/simulate',
    { schema: postSimulation, config: { scope: 'read' } },
    ({ body }, reply) => calculate(() => simulate(db, defaults, body), { signal: clientSignalOf(reply) }),
  )
}

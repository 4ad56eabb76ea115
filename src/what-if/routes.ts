import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { type TakeTurn, takeTurns } from '../database/group.ts'
import type { Database } from '../database/tables.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import { answers } from '../http/problems.ts'
import type { Memo } from '../record/memo.ts'
import type { DealDefaults } from '../record/read-facts.ts'
import { Id, ref } from '../values/schemas.ts'
import { runScenario } from './scenario.ts'
import { Scenario, ScenarioResult } from './scenario-schemas.ts'
import { Comparison, SimulatedAttribution, Simulation } from './schemas.ts'
import { compareModels, simulate } from './simulate.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly memo: Memo
  readonly defaults: DealDefaults
  readonly calculate: TakeTurn
}

// A scenario may take seconds: it has its own queue, so that no short calculation waits for one.
const scenariosAtOnce = 2
const scenariosWaiting = 10

const tags = ['Attribution']

const getComparison = {
  operationId: 'compareModels',
  summary: 'The same deal under every model; stores nothing',
  description: 'What each partner would get of this deal under each model, with default parameters.',
  tags,
  params: Type.Object({ dealId: Id }),
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

export const whatIf: FastifyPluginAsyncTypebox<Needs> = async (app, { db, memo, defaults, calculate }) => {
  const calculateScenario = takeTurns(scenariosAtOnce, scenariosWaiting)

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

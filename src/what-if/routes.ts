import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { limitConcurrency, type RunLimited } from '../database/limit-concurrency.ts'
import type { Database } from '../database/tables.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import { answers } from '../http/problems.ts'
import type { Memo } from '../record/memo.ts'
import type { DealDefaults } from '../record/read-terms.ts'
import { describe, Id, ref } from '../values/schemas.ts'
import { runScenario } from './scenario.ts'
import { Scenario, ScenarioResult } from './scenario-schemas.ts'
import { Comparison, SimulatedAttribution, Simulation } from './schemas.ts'
import { compareModels, simulate } from './simulate.ts'

interface WhatIfOptions {
  readonly db: Kysely<Database>
  readonly memo: Memo
  readonly defaults: DealDefaults
  readonly calculate: RunLimited
}

// A scenario may take seconds: it has a queue of its own, so that short calculations do not wait for it.
const scenariosAtOnce = 2
const scenariosWaiting = 10

const tags = ['Attribution']

const getComparison = {
  operationId: 'compareModels',
  summary: 'Split a deal under every model; stores nothing',
  description:
    'The payouts of the deal under each model, with default parameters. `agreed` has no default: it is listed with the percentages of the deal, if the deal has that model.',
  tags,
  params: Type.Object({ dealId: describe(Id, 'The id of the deal.') }),
  response: answers({ 200: ref(Comparison) }, 404),
}

const postSimulation = {
  operationId: 'simulateAttribution',
  summary: 'Split a deal given in the body; stores nothing',
  description:
    'Splits a deal whose terms and events are in the body. The name of a partner that is not registered is its id.',
  tags,
  body: ref(Simulation),
  response: answers({ 200: ref(SimulatedAttribution) }),
}

const postScenario = {
  operationId: 'runScenario',
  summary: 'Compare the payouts of a period with those of another model; stores nothing',
  description:
    'Splits every deal that closed in the period again, under another model, and compares the payouts of each partner. All differences, with the unattributed amount, add up to zero. The time grows with the number of deals; a period has at most 20,000 deals with 100,000 touchpoints (400).',
  tags,
  body: ref(Scenario),
  response: answers({ 200: ref(ScenarioResult) }),
}

export const whatIf: FastifyPluginAsyncTypebox<WhatIfOptions> = async (
  app,
  { db, memo, defaults, calculate },
) => {
  const calculateScenario = limitConcurrency(scenariosAtOnce, scenariosWaiting)

  app.get('/attribution/:dealId/compare', { schema: getComparison }, ({ params: { dealId } }, reply) => {
    const signal = clientSignalOf(reply)
    return calculate(() => compareModels(db, { memo, defaults, dealId, signal }), { signal })
  })

  app.post('/analytics/what-if', { schema: postScenario, config: { scope: 'read' } }, ({ body }, reply) => {
    const signal = clientSignalOf(reply)
    return calculateScenario(() => runScenario(db, { defaults, scenario: body, signal }), {
      signal,
    })
  })

  app.post(
    '/attribution/simulate',
    { schema: postSimulation, config: { scope: 'read' } },
    ({ body }, reply) => calculate(() => simulate(db, defaults, body), { signal: clientSignalOf(reply) }),
  )
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { DealNotFound } from '../errors.ts'
import type { Write } from '../http/idempotency.ts'
import { answers } from '../http/problems.ts'
import { Id, ref, Strict } from '../http/schemas.ts'
import { findAttribution } from '../record/attributions.ts'
import type { Attribute } from '../record/versions.ts'
import { recalculate } from './close.ts'
import type { DealDefaults } from './facts.ts'
import { Attribution, Comparison, SimulatedAttribution, Simulation } from './schemas.ts'
import { compareModels, simulate } from './what-if.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly attribute: Attribute
  readonly defaults: DealDefaults
}

const tags = ['Attribution']
const dealParams = Type.Object({ dealId: Id })

const getAttribution = {
  operationId: 'getAttribution',
  summary: 'The split of a deal',
  tags,
  params: dealParams,
  response: answers({ 200: ref(Attribution) }, 404),
}

const postRecalculation = {
  operationId: 'recalculateAttribution',
  summary: 'Split a deal again from its stored facts',
  tags,
  params: dealParams,
  body: Type.Optional(Strict({})),
  response: answers({ 200: ref(Attribution) }, 404),
}

const getComparison = {
  operationId: 'compareModels',
  summary: 'The same deal under every model; stores nothing',
  tags,
  params: dealParams,
  response: answers({ 200: ref(Comparison) }, 404),
}

const postSimulation = {
  operationId: 'simulateAttribution',
  summary: 'Split a deal given in the body; stores nothing',
  tags,
  body: ref(Simulation),
  response: answers({ 200: ref(SimulatedAttribution) }),
}

export const attributions: FastifyPluginAsyncTypebox<Needs> = async (
  app,
  { db, write, attribute, defaults },
) => {
  app.get('/attribution/:dealId', { schema: getAttribution }, async ({ params: { dealId } }) => {
    const attribution = await findAttribution(db, dealId)
    if (attribution === undefined) throw new DealNotFound(dealId)
    return attribution
  })

  app.post('/attribution/:dealId/recalculate', { schema: postRecalculation }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: await recalculate(trx, attribute, request.params.dealId),
    })),
  )

  app.get('/attribution/:dealId/compare', { schema: getComparison }, ({ params: { dealId } }) =>
    compareModels(db, attribute, defaults, dealId),
  )

  app.post('/attribution/simulate', { schema: postSimulation, config: { scope: 'read' } }, ({ body }) =>
    simulate(db, attribute, defaults, body),
  )
}

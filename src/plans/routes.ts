import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { actorOf } from '../audit/actors.ts'
import { limitConcurrency } from '../database/limit-concurrency.ts'
import type { Database } from '../database/tables.ts'
import { PlanNotFound } from '../errors.ts'
import type { Write } from '../http/idempotency.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import { answers } from '../http/problems.ts'
import type { Calendar } from '../values/calendar.ts'
import { describe, Id, Page, ref, Strict } from '../values/schemas.ts'
import { addVersion, createPlan, toVersion } from './create-plan.ts'
import { findPlan, listDefaults, listPlans, listVersions } from './queries.ts'
import {
  NewPlan,
  NewPlanDefault,
  NewPlanVersion,
  PlanDefaultAnswer,
  PlanDefaultPage,
  PlanDetail,
  PlanPage,
  PlanVersionAnswer,
} from './schemas.ts'
import { setDefault } from './set-default.ts'
import { simulatePlan } from './simulate-plan.ts'
import { PlanSimulation, PlanSimulationResult } from './simulation-schemas.ts'

interface PlansOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly defaultCurrency: string
  readonly calendar: Calendar
}

// A simulation may take seconds.
const simulationsAtOnce = 2
const simulationsWaiting = 10

const tags = ['Commission plans']
const planParams = Type.Object({ planId: describe(Id, 'The id of the plan.') })

const createCommissionPlan = {
  operationId: 'createCommissionPlan',
  summary: 'Store a commission plan with its first version',
  description:
    'A plan says what the company owes partners for their payouts. Its rules are tried in order for each partner of a deal; the first that fits counts. The plan `full`, 100 % of each payout, comes with the service. With an `id` of your system, sending the same plan again changes nothing. Another plan under that id is refused (409).',
  tags,
  body: ref(NewPlan),
  response: answers({ 201: ref(PlanVersionAnswer), 200: ref(PlanVersionAnswer) }, 409),
}

const listCommissionPlans = {
  operationId: 'listCommissionPlans',
  summary: 'List commission plans by id',
  description: 'All plans, ordered by id, without their rules.',
  tags,
  querystring: Strict(Page),
  response: answers({ 200: ref(PlanPage) }),
}

const getCommissionPlan = {
  operationId: 'getCommissionPlan',
  summary: 'Get a commission plan with its versions',
  description: 'The plan and its versions, the latest first.',
  tags,
  params: planParams,
  querystring: Strict({
    // A version has up to 32 kB of rules.
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'The most versions on a page.' }),
    ),
    cursor: Page.cursor,
  }),
  response: answers({ 200: ref(PlanDetail) }, 404),
}

const addCommissionPlanVersion = {
  operationId: 'addCommissionPlanVersion',
  summary: 'Add a version to a commission plan',
  description:
    'Stores new rules from a day on. Deals take the version in force on the day of their close and keep it: a new version changes no deal that is stored. Sending the latest version again changes nothing. The plan `full` takes no versions (409).',
  tags,
  params: planParams,
  body: ref(NewPlanVersion),
  response: answers({ 201: ref(PlanVersionAnswer), 200: ref(PlanVersionAnswer) }, 404, 409),
}

const listDefaultCommissionPlans = {
  operationId: 'listDefaultCommissionPlans',
  summary: 'List the default commission plans, the latest day first',
  description:
    'Which plan deals take that name none, by the day of their close. Before the first day it is `full`.',
  tags,
  querystring: Strict(Page),
  response: answers({ 200: ref(PlanDefaultPage) }),
}

const setDefaultCommissionPlan = {
  operationId: 'setDefaultCommissionPlan',
  summary: 'Make a commission plan the default from a day on',
  description:
    'Deals that close on `from` or later and name no plan take this one, until the day of the next default. A default that the day has already is replaced. Deals that are stored keep their plan.',
  tags,
  body: ref(NewPlanDefault),
  response: answers({ 200: ref(PlanDefaultAnswer) }),
}

const simulateCommissionPlan = {
  operationId: 'simulateCommissionPlan',
  summary: 'Compute the commissions of a period under the rules of a plan; stores nothing',
  description:
    'Applies the rules to every deal that closed in the period and compares the commissions of each partner with those it has now. Void deals are left out. A period has at most 20,000 deals with 100,000 shares (400).',
  tags,
  body: ref(PlanSimulation),
  response: answers({ 200: ref(PlanSimulationResult) }),
}

export const plans: FastifyPluginAsyncTypebox<PlansOptions> = async (
  app,
  { db, write, defaultCurrency, calendar },
) => {
  const config = { scope: 'admin' }
  const simulate = limitConcurrency(simulationsAtOnce, simulationsWaiting)

  app.post('/commission-plans', { schema: createCommissionPlan, config }, (request, reply) =>
    write(request, reply, (trx) => createPlan(trx, { plan: request.body, actor: actorOf(request) })),
  )

  app.get('/commission-plans', { schema: listCommissionPlans }, async ({ query }) => {
    const { page, pagination } = await listPlans(db, query)
    return { plans: page, pagination }
  })

  app.get('/commission-plans/:planId', { schema: getCommissionPlan }, async ({ params, query }) => {
    const plan = await findPlan(db, params.planId)
    if (plan === undefined) throw new PlanNotFound(params.planId)
    const { page, pagination } = await listVersions(db, params.planId, query)
    return { plan, versions: page.map(toVersion), pagination }
  })

  app.post(
    '/commission-plans/:planId/versions',
    { schema: addCommissionPlanVersion, config },
    (request, reply) => {
      const { params, body: version } = request
      const addition = { planId: params.planId, version, actor: actorOf(request) }
      return write(request, reply, (trx) => addVersion(trx, addition))
    },
  )

  app.get('/commission-plans/default', { schema: listDefaultCommissionPlans }, async ({ query }) => {
    const { page, pagination } = await listDefaults(db, query)
    return { defaults: page, pagination }
  })

  app.put('/commission-plans/default', { schema: setDefaultCommissionPlan, config }, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: { default: await setDefault(trx, { planDefault: request.body, actor: actorOf(request) }) },
    })),
  )

  app.post(
    '/commission-plans/simulate',
    { schema: simulateCommissionPlan, config: { scope: 'read' } },
    ({ body: simulation }, reply) => {
      const signal = clientSignalOf(reply)
      return simulate(() => simulatePlan(db, { simulation, defaultCurrency, calendar, signal }), { signal })
    },
  )
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { actorOf } from '../audit/actors.ts'
import type { Database } from '../database/tables.ts'
import { PlanNotFound } from '../errors.ts'
import type { Write } from '../http/idempotency.ts'
import { answers } from '../http/problems.ts'
import { describe, Id, Page, ref, Strict } from '../values/schemas.ts'
import { listApplications } from './application-queries.ts'
import { NewPlanApplication, PlanApplicationAnswer, PlanApplicationPage } from './application-schemas.ts'
import { applyPlan } from './apply-plan.ts'
import { findPlan } from './queries.ts'

interface PlanApplicationsOptions {
  readonly db: Kysely<Database>
  readonly write: Write
}

const tags = ['Commission plans']
const planParams = Type.Object({ planId: describe(Id, 'The id of the plan.') })

const applyCommissionPlan = {
  operationId: 'applyCommissionPlan',
  summary: 'Give the deals of a period a commission plan',
  description:
    'A job changes the deals that closed in the period, in batches, as if each were changed to this plan: it takes the version in force on the day of its close, a later one than before included. Deals that close in the period while the job runs may be left out; void deals keep their plan. Applications run one after the other, and at most 20 wait (409). The list of applications shows the progress.',
  tags,
  params: planParams,
  body: ref(NewPlanApplication),
  response: answers({ 202: ref(PlanApplicationAnswer) }, 404, 409),
}

const listPlanApplications = {
  operationId: 'listPlanApplications',
  summary: 'List the periods to which a commission plan was applied, newest first',
  description: 'How far each application has come. It is done when `finished_at` is set.',
  tags,
  params: planParams,
  querystring: Strict(Page),
  response: answers({ 200: ref(PlanApplicationPage) }, 404),
}

export const planApplications: FastifyPluginAsyncTypebox<PlanApplicationsOptions> = async (
  app,
  { db, write },
) => {
  const apply = { schema: applyCommissionPlan, config: { scope: 'admin' } }
  app.post('/commission-plans/:planId/apply', apply, (request, reply) => {
    const { params, body: period, caller } = request
    const application = { planId: params.planId, period, keyId: caller.id, actor: actorOf(request) }
    return write(request, reply, async (trx) => ({
      status: 202,
      body: { application: await applyPlan(trx, application) },
    }))
  })

  app.get(
    '/commission-plans/:planId/applications',
    { schema: listPlanApplications },
    async ({ params: { planId }, query }) => {
      if ((await findPlan(db, planId)) === undefined) throw new PlanNotFound(planId)
      const { page, pagination } = await listApplications(db, planId, query)
      return { applications: page, pagination }
    },
  )
}

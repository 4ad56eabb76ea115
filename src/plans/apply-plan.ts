import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { invalid, PlanNotFound, TooManyApplications } from '../errors.ts'
import { countRunning, insertApplication } from './application-queries.ts'
import type { NewPlanApplication, PlanApplication } from './application-schemas.ts'
import { findPlan } from './queries.ts'

interface Application {
  readonly planId: string
  readonly period: NewPlanApplication
  readonly keyId: string
  readonly actor: Actor
}

const mostRunning = 20

/** Stores that the deals of a period get a plan; a job changes them. Errors: 400, 404, 409. */
export async function applyPlan(
  trx: Kysely<Database>,
  { planId, period: { start_date, end_date }, keyId, actor }: Application,
): Promise<PlanApplication> {
  if (end_date < start_date)
    throw invalid([{ pointer: '/end_date', detail: 'The period ends before it starts.' }])
  if ((await findPlan(trx, planId)) === undefined) throw new PlanNotFound(planId)
  if ((await countRunning(trx)) >= mostRunning) throw new TooManyApplications()
  const id = `app_${uuid()}`
  const period = { start_date, end_date }
  const application = await insertApplication(trx, { id, plan_id: planId, ...period, api_key_id: keyId })
  await insertAuditEntry(trx, actor, {
    action: 'commission_plan.applied',
    subject_kind: 'commission_plan',
    subject_id: planId,
    after: { application_id: id, ...period },
  })
  return application
}

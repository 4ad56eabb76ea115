import type { Kysely } from 'kysely'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { UnknownReference } from '../errors.ts'
import { findPlan, insertDefault, lockDefault, updateDefault } from './queries.ts'
import type { NewPlanDefault, PlanDefault } from './schemas.ts'

interface DefaultChange {
  readonly planDefault: NewPlanDefault
  readonly actor: Actor
}

/** Makes a plan the default from a day on, in place of the one that the day had. Deals keep their plan. Errors: 400. */
export async function setDefault(
  trx: Kysely<Database>,
  { planDefault, actor }: DefaultChange,
): Promise<PlanDefault> {
  const { plan_id, from } = planDefault
  if ((await findPlan(trx, plan_id)) === undefined) {
    const faults = [{ pointer: '/plan_id', detail: `No commission plan has the id ${plan_id}.` }]
    throw Object.assign(new UnknownReference(), { faults })
  }
  const inserted = await insertDefault(trx, planDefault)
  const before = inserted === undefined ? await lockDefault(trx, from) : undefined
  if (before?.plan_id === plan_id) return before
  const after = inserted ?? (await updateDefault(trx, planDefault))
  await insertAuditEntry(trx, actor, {
    action: 'commission_plan.default_set',
    subject_kind: 'commission_plan',
    subject_id: plan_id,
    before: before ? { plan_id: before.plan_id, from } : null,
    after: { plan_id, from },
  })
  return after
}

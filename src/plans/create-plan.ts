import { hash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import { lockPlan } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { invalid, PlanBuiltIn, PlanExists, PlanNotFound } from '../errors.ts'
import type { WriteOutcome } from '../http/idempotency.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import { checkNamedPartners, checkRules } from './check-rules.ts'
import {
  findLatestVersion,
  findPlan,
  findSubmission,
  findVersion,
  insertPlan,
  insertVersion,
} from './queries.ts'
import {
  builtInPlan,
  type NewPlan,
  type NewPlanVersion,
  type Plan,
  type PlanVersion,
  type PlanVersionAnswer,
  type PlanVersionRow,
} from './schemas.ts'

interface PlanCreation {
  readonly plan: NewPlan
  readonly actor: Actor
}

/** Stores a plan with its first version. The same submission again returns them. Errors: 400, 409. */
export async function createPlan(
  trx: Kysely<Database>,
  { plan, actor }: PlanCreation,
): Promise<WriteOutcome<PlanVersionAnswer>> {
  const { id = `plan_${uuid()}`, name, ...sent } = plan
  if (id === reserved) throw invalid([{ pointer: '/id', detail: `The id ${reserved} is reserved.` }])
  checkRules(sent)
  await checkNamedPartners(trx, sent.rules)
  const submission = digestOf(plan)
  const inserted = await insertPlan(trx, { id, name, submission })
  if (inserted === undefined) {
    const stored = await findSubmission(trx, id)
    if (!stored?.equals(submission)) throw new PlanExists(id)
    return answerOf(200, (await findPlan(trx, id)) as Plan, await findVersion(trx, id, 1))
  }
  const version = await insertVersion(trx, toRow(sent, { plan_id: id, version: 1 }))
  await insertAuditEntry(trx, actor, {
    action: 'commission_plan.created',
    subject_kind: 'commission_plan',
    subject_id: id,
    after: { name, ...summaryOf(version) },
  })
  return answerOf(201, { ...inserted, latest_version: 1 }, version)
}

// The path of the defaults.
const reserved = 'default'

interface VersionAddition {
  readonly planId: string
  readonly version: NewPlanVersion
  readonly actor: Actor
}

/** Stores the next version of a plan. The latest version, sent again, is returned. Errors: 400, 404, 409. */
export async function addVersion(
  trx: Kysely<Database>,
  { planId, version: sent, actor }: VersionAddition,
): Promise<WriteOutcome<PlanVersionAnswer>> {
  checkRules(sent)
  await checkNamedPartners(trx, sent.rules)
  await lockPlan(trx, planId)
  const plan = await findPlan(trx, planId)
  if (plan === undefined) throw new PlanNotFound(planId)
  if (planId === builtInPlan) throw new PlanBuiltIn(planId)
  const latest = await findLatestVersion(trx, planId)
  const row = toRow(sent, { plan_id: planId, version: latest.version + 1 })
  const isSame = latest.submission.equals(row.submission)
  const version = isSame ? latest : await insertVersion(trx, row)
  const body = { ...plan, latest_version: version.version }
  if (isSame) return answerOf(200, body, version)
  await insertAuditEntry(trx, actor, {
    action: 'commission_plan.version_added',
    subject_kind: 'commission_plan',
    subject_id: planId,
    before: summaryOf(latest),
    after: summaryOf(version),
  })
  return answerOf(201, body, version)
}

export function toVersion({
  plan_id: _,
  submission: __,
  cap_per_deal,
  ...version
}: PlanVersionRow): PlanVersion {
  return { ...version, ...(cap_per_deal && { cap_per_deal }) }
}

function answerOf(status: 200 | 201, plan: Plan, version: PlanVersionRow): WriteOutcome<PlanVersionAnswer> {
  const { id, name, latest_version, created_at } = plan
  return { status, body: { plan: { id, name, latest_version, created_at }, version: toVersion(version) } }
}

function toRow(
  { effective_from, rules, hold_days = 0, cap_per_deal }: NewPlanVersion,
  key: Pick<PlanVersionRow, 'plan_id' | 'version'>,
): Omit<PlanVersionRow, 'created_at'> {
  const submission = digestOf({ effective_from, rules, hold_days, cap_per_deal })
  return { ...key, effective_from, rules, hold_days, cap_per_deal: cap_per_deal ?? null, submission }
}

/** Without the rules, which are too large for the audit: the versions keep them. */
function summaryOf({ version, effective_from, hold_days, cap_per_deal, rules }: PlanVersionRow) {
  return { version, effective_from, hold_days, cap_per_deal, rules_count: rules.length }
}

function digestOf(sent: object): Buffer {
  return hash('sha256', canonicalJson(sent), 'buffer')
}

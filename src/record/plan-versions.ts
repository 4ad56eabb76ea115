import { type Kysely, sql } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Plan } from '../commission/plan.ts'
import type { Database } from '../database/tables.ts'
import { compilePlan, type StoredPlan } from './compile-plan.ts'
import type { DealPlan } from './schemas.ts'

type PlanKey = Pick<DealPlan, 'commission_plan_id' | 'commission_plan_version'>

/** The rules of a plan's version. Without one in force there are none, so that nothing is owed. */
export type PlanOf = (plan: PlanKey) => Plan

const none: Plan = { rules: [], cap_per_deal: null }
// A version has up to 32 kB of rules.
const mostKept = 200

/** Reads versions of plans and keeps the last used: a version never changes. */
export function createPlanVersions(): (db: Kysely<Database>, plans: readonly PlanKey[]) => Promise<PlanOf> {
  const kept = new LRUCache<string, Plan>({ max: mostKept })
  return async (db, plans) => {
    const found = new Map<string, Plan>()
    const missing: PlanKey[] = []
    for (const { commission_plan_id, commission_plan_version } of plans) {
      const plan = { commission_plan_id, commission_plan_version }
      const compiled = kept.get(keyOf(plan))
      if (compiled !== undefined) found.set(keyOf(plan), compiled)
      else if (commission_plan_version !== null) missing.push(plan)
    }
    if (missing.length > 0) {
      const { rows } = await sql<StoredPlan & { plan_id: string; version: number }>`
        select plan_id, version, rules, cap_per_deal
        from jsonb_to_recordset(${JSON.stringify(missing)}) as given (commission_plan_id text, commission_plan_version integer)
          join commission_plan_versions on plan_id = commission_plan_id and version = commission_plan_version`.execute(
        db,
      )
      for (const { plan_id, version, ...stored } of rows) {
        const key = keyOf({ commission_plan_id: plan_id, commission_plan_version: version })
        const compiled = compilePlan(stored)
        kept.set(key, compiled)
        found.set(key, compiled)
      }
    }
    return (plan) => found.get(keyOf(plan)) ?? none
  }
}

function keyOf({ commission_plan_id, commission_plan_version }: PlanKey): string {
  return `${commission_plan_version} ${commission_plan_id}`
}

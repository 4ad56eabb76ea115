import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { NewPlanDefault, Plan, PlanDefault, PlanRow, PlanVersionRow } from './schemas.ts'

const latestVersion = sql<number>`(
  select coalesce(max(version), 0) from commission_plan_versions where plan_id = commission_plans.id
)`.as('latest_version')

/** Inserts a plan unless its id is taken. */
export async function insertPlan(
  db: Kysely<Database>,
  plan: Pick<PlanRow, 'id' | 'name' | 'submission'>,
): Promise<PlanRow | undefined> {
  return db
    .insertInto('commission_plans')
    .values(plan)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
}

export function insertVersion(
  db: Kysely<Database>,
  version: Omit<PlanVersionRow, 'created_at'>,
): Promise<PlanVersionRow> {
  const { rules, cap_per_deal, ...rest } = version
  return db
    .insertInto('commission_plan_versions')
    .values({
      ...rest,
      rules: sql`${JSON.stringify(rules)}::jsonb`,
      cap_per_deal: cap_per_deal && sql`${JSON.stringify(cap_per_deal)}::jsonb`,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

export function findPlan(db: Kysely<Database>, id: string): Promise<Plan | undefined> {
  return db
    .selectFrom('commission_plans')
    .select(['id', 'name', latestVersion, 'created_at'])
    .where('id', '=', id)
    .executeTakeFirst()
}

/** The digest of the request that made a plan. */
export async function findSubmission(db: Kysely<Database>, id: string): Promise<Buffer | undefined> {
  const row = await db
    .selectFrom('commission_plans')
    .select('submission')
    .where('id', '=', id)
    .executeTakeFirst()
  return row?.submission
}

/** Plans by id. */
export async function listPlans(db: Kysely<Database>, query: PageQuery) {
  const start = readPageStart(query, 1)
  let plans = db
    .selectFrom('commission_plans')
    .select(['id', 'name', latestVersion, 'created_at'])
    .orderBy('id')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (start.key !== undefined) plans = plans.where('id', '>', start.key[0] as string)
  return toPage(await plans.execute(), start, ({ id }) => [id])
}

/** The versions of a plan, the latest first. */
export async function listVersions(db: Kysely<Database>, planId: string, query: PageQuery) {
  const start = readPageStart(query, 1)
  let versions = db
    .selectFrom('commission_plan_versions')
    .selectAll()
    .where('plan_id', '=', planId)
    .orderBy('version', 'desc')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (start.key !== undefined) versions = versions.where('version', '<', Number(start.key[0]))
  return toPage(await versions.execute(), start, ({ version }) => [String(version)])
}

export function findLatestVersion(db: Kysely<Database>, planId: string): Promise<PlanVersionRow> {
  return db
    .selectFrom('commission_plan_versions')
    .selectAll()
    .where('plan_id', '=', planId)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
}

export function findVersion(db: Kysely<Database>, planId: string, version: number): Promise<PlanVersionRow> {
  return db
    .selectFrom('commission_plan_versions')
    .selectAll()
    .where('plan_id', '=', planId)
    .where('version', '=', version)
    .executeTakeFirstOrThrow()
}

/** Inserts the default from a day unless that day has one. */
export function insertDefault(
  db: Kysely<Database>,
  planDefault: NewPlanDefault,
): Promise<PlanDefault | undefined> {
  return db
    .insertInto('commission_plan_defaults')
    .values(planDefault)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
}

/** Reads the default from a day and locks its row until the transaction ends. */
export function lockDefault(trx: Kysely<Database>, from: string): Promise<PlanDefault> {
  return trx
    .selectFrom('commission_plan_defaults')
    .selectAll()
    .where('from', '=', from)
    .forUpdate()
    .executeTakeFirstOrThrow()
}

export function updateDefault(
  trx: Kysely<Database>,
  { plan_id, from }: NewPlanDefault,
): Promise<PlanDefault> {
  return trx
    .updateTable('commission_plan_defaults')
    .set({ plan_id, set_at: sql`date_trunc('milliseconds', clock_timestamp())` })
    .where('from', '=', from)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Defaults, the latest day first. */
export async function listDefaults(db: Kysely<Database>, query: PageQuery) {
  const start = readPageStart(query, 1)
  let defaults = db
    .selectFrom('commission_plan_defaults')
    .selectAll()
    .orderBy('from', 'desc')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (start.key !== undefined) defaults = defaults.where('from', '<', start.key[0] as string)
  return toPage(await defaults.execute(), start, ({ from }) => [from])
}

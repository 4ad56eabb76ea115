import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { closedWithin } from '../deals/period-queries.ts'
import type { DealRow } from '../record/schemas.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { PlanApplication, PlanApplicationRow } from './application-schemas.ts'

const shown = [
  'id',
  'plan_id',
  'start_date',
  'end_date',
  'deals_done',
  'deals_changed',
  'created_at',
  'finished_at',
] as const

export function insertApplication(
  db: Kysely<Database>,
  application: Pick<PlanApplicationRow, 'id' | 'plan_id' | 'start_date' | 'end_date' | 'api_key_id'>,
): Promise<PlanApplication> {
  return db
    .insertInto('commission_plan_applications')
    .values(application)
    .returning(shown)
    .executeTakeFirstOrThrow()
}

export async function countRunning(db: Kysely<Database>): Promise<number> {
  const { count } = await db
    .selectFrom('commission_plan_applications')
    .select(sql<number>`count(*)::int`.as('count'))
    .where('finished_at', 'is', null)
    .executeTakeFirstOrThrow()
  return count
}

/** The applications of a plan, newest first. */
export async function listApplications(db: Kysely<Database>, planId: string, query: PageQuery) {
  const start = readPageStart(query, 2)
  let applications = db
    .selectFrom('commission_plan_applications')
    .select(shown)
    .where('plan_id', '=', planId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (start.key !== undefined) {
    const [createdAt, id] = start.key
    applications = applications.where(sql<boolean>`(created_at, id) < (${createdAt}::timestamptz, ${id})`)
  }
  return toPage(await applications.execute(), start, ({ created_at, id }) => [created_at, id])
}

/** The application that was requested first of those that are running. */
export function findRunning(db: Kysely<Database>): Promise<PlanApplicationRow | undefined> {
  return db
    .selectFrom('commission_plan_applications')
    .selectAll()
    .where('finished_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
}

/** The next deals of an application by `closed_date` and id, void ones left out. */
export async function listNextDeals(
  db: Kysely<Database>,
  { start_date, end_date, last_closed_date, last_deal_id }: PlanApplicationRow,
  limit: number,
): Promise<readonly Pick<DealRow, 'id' | 'closed_date'>[]> {
  const isAfter =
    last_deal_id === null
      ? sql`true`
      : sql`(closed_date, id) > (${last_closed_date}::timestamptz, ${last_deal_id})`
  const { rows } = await sql<Pick<DealRow, 'id' | 'closed_date'>>`
    select id, closed_date from deals
    where voided_at is null and ${closedWithin({ first: start_date, last: end_date })} and ${isAfter}
    order by closed_date, id limit ${limit}`.execute(db)
  return rows
}

/** Locks an application until the transaction ends. Returns false if another instance has done its next deals. */
export async function lockAtDeal(
  trx: Kysely<Database>,
  { id, last_deal_id }: PlanApplicationRow,
): Promise<boolean> {
  const found = await trx
    .selectFrom('commission_plan_applications')
    .select('id')
    .where('id', '=', id)
    .where('finished_at', 'is', null)
    .where('last_deal_id', 'is not distinct from', last_deal_id)
    .forUpdate()
    .executeTakeFirst()
  return found !== undefined
}

export async function updateApplication(
  trx: Kysely<Database>,
  id: string,
  done: Pick<PlanApplicationRow, 'last_closed_date' | 'last_deal_id' | 'deals_done' | 'deals_changed'>,
): Promise<void> {
  await trx.updateTable('commission_plan_applications').set(done).where('id', '=', id).execute()
}

export async function finishApplication(trx: Kysely<Database>, id: string): Promise<void> {
  await trx
    .updateTable('commission_plan_applications')
    .set({ finished_at: sql<string>`date_trunc('milliseconds', clock_timestamp())` })
    .where('id', '=', id)
    .execute()
}

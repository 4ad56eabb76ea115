import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import type { ConfirmTimeZone } from '../database/time-zone.ts'
import {
  findRunning,
  finishApplication,
  listNextDeals,
  lockAtDeal,
  updateApplication,
} from '../plans/application-queries.ts'
import type { PlanApplicationRow } from '../plans/application-schemas.ts'
import { causeOf } from '../record/cause.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded, type RecordedDeal } from '../record/recorded-deals.ts'
import { runSteps } from './run-steps.ts'

interface Applying {
  readonly record: DealRecord
  readonly confirmTimeZone: ConfirmTimeZone
}

const dealsAtOnce = 100

/** Makes a job that gives deals the plans that were applied to their periods. It goes on where an interrupted run ended. */
export function createPlanApplying(db: Kysely<Database>, applying: Applying): () => Promise<void> {
  return () => runSteps(() => applyToNextDeals(db, applying))
}

/** Applies a plan to the next deals, or finishes the application. Returns whether there is more to do. */
export async function applyToNextDeals(
  db: Kysely<Database>,
  { record, confirmTimeZone }: Applying,
): Promise<boolean> {
  const application = await findRunning(db)
  if (application === undefined) return false
  await confirmTimeZone()
  const next = await listNextDeals(db, application, dealsAtOnce)
  const ids = next.map(({ id }) => id)
  const last = next.at(-1)
  return db.transaction().execute(async (trx) => {
    await lockDeals(trx, ids)
    if (!(await lockAtDeal(trx, application))) return true
    if (last === undefined) {
      await finishApplication(trx, application.id)
      return true
    }
    await updateApplication(trx, application.id, {
      last_closed_date: last.closed_date,
      last_deal_id: last.id,
      deals_done: application.deals_done + ids.length,
      deals_changed: application.deals_changed + (await applyToDeals(trx, { record, application, ids })),
    })
    return true
  })
}

interface Batch {
  readonly record: DealRecord
  readonly application: PlanApplicationRow
  readonly ids: readonly string[]
}

/** Returns how many deals got another plan or version. */
async function applyToDeals(trx: Kysely<Database>, { record, application, ids }: Batch): Promise<number> {
  const { plan_id, start_date, end_date, api_key_id } = application
  const note = `The plan ${plan_id} was applied to the deals of ${start_date} to ${end_date}.`
  const cause = causeOf({ api_key_ids: [api_key_id], note })
  // A deal may have been changed since the list was read.
  const deals = [...(await findRecorded(trx, ids)).values()].filter(
    ({ row }) => row.voided_at === null && isWithin(row.closed_on ?? row.closed_date, application),
  )
  const changes = deals.map((before) => ({
    deal_id: before.row.id,
    before,
    after: { plan_name: plan_id },
    picksAgain: 'plan_version' as const,
    cause,
  }))
  const changed = await record.change(trx, 'amended', changes)
  return deals.filter(({ row }) => isOnOtherPlan(row, changed.get(row.id) as RecordedDeal)).length
}

function isWithin(day: string, { start_date, end_date }: PlanApplicationRow): boolean {
  return day.slice(0, 10) >= start_date && day.slice(0, 10) <= end_date
}

function isOnOtherPlan(before: RecordedDeal['row'], { row: after }: RecordedDeal): boolean {
  return (
    before.commission_plan_id !== after.commission_plan_id ||
    before.commission_plan_version !== after.commission_plan_version
  )
}

import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { createTimeZoneConfirmation } from '../database/time-zone.ts'
import { forgetOldAnswers } from '../http/idempotency.ts'
import { forgetOldWindows } from '../http/rate-limit.ts'
import { createRecord } from '../record/record.ts'
import { createCalendar } from '../values/calendar.ts'
import { createMerging } from './merge-partners.ts'
import { createPlanApplying } from './apply-plans.ts'
import { createDayFilling } from './fill-days.ts'
import { freezeNextMonth } from '../ledger/freeze.ts'
import { createPosting } from './post-commissions.ts'
import { foldChanges } from '../rollups/fold.ts'
import type { Job } from './run-jobs.ts'
import { runSteps } from './run-steps.ts'

const second = 1000
const hour = 3_600_000

/** The background work of each instance. Several may run the same job at once; a lock lets one fold at a time. */
export function listJobs(db: Kysely<Database>, timeZone: string): readonly Job[] {
  const calendar = createCalendar(timeZone)
  const confirmTimeZone = createTimeZoneConfirmation(db, timeZone)
  const dated = { calendar, record: createRecord({ calendar }), confirmTimeZone }
  return [
    { name: 'fill_days', everyMs: second, run: createDayFilling(db, dated) },
    { name: 'merge_partners', everyMs: second, run: createMerging(db, dated) },
    { name: 'apply_plans', everyMs: second, run: createPlanApplying(db, dated) },
    { name: 'post_commissions', everyMs: second, run: createPosting(db, dated.record) },
    { name: 'freeze_statements', everyMs: second, run: () => runSteps(() => freezeNextMonth(db)) },
    { name: 'fold_changes', everyMs: second, run: () => foldChanges(db) },
    { name: 'forget_old_answers', everyMs: hour, run: () => forgetOldAnswers(db) },
    { name: 'forget_old_windows', everyMs: hour, run: () => forgetOldWindows(db) },
  ]
}

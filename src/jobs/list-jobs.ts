import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { forgetOldAnswers } from '../http/idempotency.ts'
import { forgetOldWindows } from '../http/rate-limit.ts'
import { foldChanges } from '../rollups/fold.ts'
import type { Job } from './run-jobs.ts'

const second = 1000
const hour = 3_600_000

/** The background work of each instance. Several may run the same deletion at once; a lock lets one fold at a time. */
export function listJobs(db: Kysely<Database>): readonly Job[] {
  return [
    { name: 'fold_changes', everyMs: second, run: () => foldChanges(db) },
    { name: 'forget_old_answers', everyMs: hour, run: () => forgetOldAnswers(db) },
    { name: 'forget_old_windows', everyMs: hour, run: () => forgetOldWindows(db) },
  ]
}

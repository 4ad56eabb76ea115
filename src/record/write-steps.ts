import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { ChangedDeal, Step } from './changes.ts'
import { listNames, toChanged, toUnchanged } from './changed-deals.ts'
import { differencesOf } from './differences.ts'
import type { VersionReason } from './schemas.ts'
import { type ClosedStep, isChanged, toChangedRow, toCommission, toNewRow, toVersion } from './step-rows.ts'

/** Writes steps down with one call of the database function `record_change`. Returns the closed deals. */
export async function writeSteps(
  trx: Kysely<Database>,
  reason: VersionReason,
  steps: readonly Step[],
): Promise<ChangedDeal[]> {
  const closed = steps.filter((step): step is ClosedStep => step.next !== undefined)
  const differences = steps.map(differencesOf)
  const change = {
    closed: closed.filter(({ before }) => before === undefined).map(toNewRow),
    changed: closed.filter(isChanged).map(toChangedRow),
    commissions: closed.filter(({ commission }) => commission !== undefined).map(toCommission),
    versions: closed.filter(({ split }) => split !== undefined).map((step) => toVersion(step, reason)),
    deal_deltas: differences.flatMap(({ deal_deltas }) => deal_deltas),
    partner_deltas: differences.flatMap(({ partner_deltas }) => partner_deltas),
    touchpoint_deltas: differences.flatMap(({ touchpoint_deltas }) => touchpoint_deltas),
    unlisted: differences.flatMap(({ unlisted }) => unlisted),
    listed: differences.flatMap(({ listed }) => listed),
  }
  if (Object.values(change).every((rows) => rows.length === 0)) return closed.map(toUnchanged)
  const { rows } = await sql<{ at: string }>`select record_change(${JSON.stringify(change)}) as at`.execute(
    trx,
  )
  const [{ at }] = rows as [{ at: string }]
  const names = await listNames(trx, closed)
  return closed.map((step) => toChanged(step, { reason, at, names }))
}

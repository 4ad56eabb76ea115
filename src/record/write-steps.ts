import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toTimestamp } from '../values/instants.ts'
import { isSameDeal, isSameDescription } from './compare-deals.ts'
import { differencesOf } from './differences.ts'
import type { ChangedDeal, DealFacts, Step, StepCommission } from './changes.ts'
import { listPartnerNames } from './partner-names.ts'
import { type RecordedDeal, toSplit } from './recorded-deals.ts'
import {
  type DealDescription,
  type DealPlan,
  type DealRow,
  type DealTerms,
  netOf,
  type ShareTuple,
  type VersionReason,
} from './schemas.ts'

type Closed = Step & { readonly next: DealFacts }

/** Writes steps down with one call of the database function `record_change`. Returns the closed deals. */
export async function writeSteps(
  trx: Kysely<Database>,
  reason: VersionReason,
  steps: readonly Step[],
): Promise<ChangedDeal[]> {
  const closed = steps.filter((step): step is Closed => step.next !== undefined)
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

/** The names of the partners that the splits credit. The touches have them; only agreed partners may have no touch. */
async function listNames(
  trx: Kysely<Database>,
  steps: readonly Closed[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map(
    steps.flatMap(({ touches }) => touches.map(({ partner_id, partner_name }) => [partner_id, partner_name])),
  )
  const credited = steps.flatMap(({ split }) => split?.shares ?? []).map(({ partner_id }) => partner_id)
  const others = [...new Set(credited)].filter((id) => !names.has(id))
  return new Map([...names, ...(await listPartnerNames(trx, others))])
}

function isChanged(step: Closed): boolean {
  const { before, next, split } = step
  if (before === undefined) return false
  const isDated = before.row.closed_on !== next.terms.closed_on
  return split !== undefined || step.commission !== undefined || isDated || isUpdated(step)
}

/** Whether the deal changed for its clients: to get its day is no change. */
function isUpdated(step: Closed): boolean {
  const { before, next, split } = step
  if (split !== undefined || before === undefined) return true
  return before.row.void_reason !== next.void_reason || !isSameDeal(before.row, next)
}

function isRedescribed({ before, next: { description } }: Closed): boolean {
  return before !== undefined && !isSameDescription(before.row, description)
}

function toNewRow(step: Closed) {
  const { terms, submission, description } = step.next
  return {
    id: step.deal_id,
    ...toColumns(terms),
    ...toText(description),
    ...toPlan(step.plan),
    commission_version: commissionVersionOf(step),
    submission: toHex(submission),
  }
}

function toPlan({ commission_plan_id, commission_plan_version, is_plan_named }: DealPlan): DealPlan {
  return { commission_plan_id, commission_plan_version, is_plan_named }
}

/** A sum of flat amounts may exceed 2^53, so it is text; a line is below. */
function toCommission(step: Closed) {
  const { deal_id, before, next, plan, cause } = step
  const { currency, closed_on } = next.terms
  const { lines, commission_minor, groups } = step.commission as StepCommission
  return {
    deal_id,
    version: commissionVersionOf(step),
    split_version: versionOf(step),
    plan_id: plan.commission_plan_id,
    plan_version: plan.commission_plan_version,
    commission_minor: String(commission_minor),
    cause,
    currency,
    closed_on,
    effective_on: effectiveDayOf(step),
    is_redated:
      before !== undefined && (before.row.currency !== currency || before.row.closed_on !== closed_on),
    previously_at: before?.split.calculated_at,
    lines: lines.map(({ partner_id, commission_minor: minor, place }) => ({
      partner_id,
      commission_minor: Number(minor),
      rule: place,
      partner_group: groups.get(partner_id) ?? null,
    })),
  }
}

/** The day on which what follows counts in the ledger. What a deal owes for the first time counts on its close. */
function effectiveDayOf({ before, next, happened_on }: Closed): string | null {
  const { closed_on } = next.terms
  const isFirst = before === undefined || before.row.commission_version === 0
  return isFirst || happened_on === undefined || closed_on === null || happened_on < closed_on
    ? closed_on
    : happened_on
}

function commissionVersionOf({ before, commission }: Closed): number {
  return (before?.row.commission_version ?? 0) + (commission === undefined ? 0 : 1)
}

function toChangedRow(step: Closed) {
  const { deal_id, before, next } = step
  return {
    id: deal_id,
    ...toColumns(next.terms),
    refunded_minor: Number(next.refunded_minor),
    version: versionOf(step),
    void_reason: next.void_reason,
    previously_at: before?.split.calculated_at,
    is_updated: isUpdated(step),
    description: isRedescribed(step) ? toText(next.description) : null,
    ...toPlan(step.plan),
    commission_version: commissionVersionOf(step),
  }
}

function toVersion(step: Closed, reason: VersionReason) {
  const { deal_id, before, next, cause, split } = step
  const { terms, refunded_minor } = next
  return {
    deal_id,
    version: versionOf(step),
    reason,
    cause,
    ...toColumns({ ...terms, amount_minor: netOf({ ...terms, refunded_minor }) }),
    refunded_minor: Number(refunded_minor),
    unattributed_minor: Number(split?.unattributed_minor),
    unattributed_bp: split?.unattributed_bp,
    uncredited_partner_ids: split?.uncredited_partner_ids,
    fingerprint: split && toHex(split.fingerprint),
    shares: split?.shares.map((share) => ({ ...share, payout_minor: Number(share.payout_minor) })),
    previously_at: before?.split.calculated_at,
  }
}

// Amounts are below 2^53, so JSON numbers are exact.
function toColumns({ amount_minor, ...terms }: DealTerms) {
  return { ...terms, amount_minor: Number(amount_minor) }
}

// Metadata goes as text: jsonb would change the order of its members.
function toText({ name, metadata }: DealDescription) {
  return { name, metadata: metadata === null ? null : JSON.stringify(metadata) }
}

function toHex(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`
}

function versionOf({ before, split }: Closed): number {
  return (before?.row.version ?? 0) + (split === undefined ? 0 : 1)
}

function toUnchanged(step: Closed): ChangedDeal {
  return { ...(step.before as RecordedDeal), isNew: false }
}

interface Recording {
  readonly reason: VersionReason
  readonly at: string
  readonly names: ReadonlyMap<string, string>
}

/** The deal as `record_change` stored it. */
function toChanged(step: Closed, { reason, at: recordedAt, names }: Recording): ChangedDeal {
  const { deal_id, before, next, split, cause } = step
  const at = before === undefined ? recordedAt : laterOf(recordedAt, before.split.calculated_at)
  const owed = owedBy(step)
  const voided_at = next.void_reason === null ? null : (before?.row.voided_at ?? at)
  const row: DealRow = {
    id: deal_id,
    ...next.terms,
    ...next.description,
    ...toPlan(step.plan),
    commission_version: commissionVersionOf(step),
    refunded_minor: next.refunded_minor,
    version: versionOf(step),
    voided_at,
    void_reason: next.void_reason,
    submission: next.submission,
    created_at: before?.row.created_at ?? at,
    updated_at: isUpdated(step) ? at : (before?.row.updated_at ?? at),
  }
  if (split === undefined) {
    const { fingerprint, split: same } = before as RecordedDeal
    const shares = same.shares.map(
      ([partner_id, name, percentage_bp, payout_minor, touchpoints, role, commission_minor]): ShareTuple => [
        partner_id,
        name,
        percentage_bp,
        payout_minor,
        touchpoints,
        role,
        owed.get(partner_id) ?? commission_minor,
      ],
    )
    return { row, fingerprint, split: { ...same, shares }, isNew: false }
  }
  const { fingerprint, unattributed_minor } = split
  const shares = split.shares.map(
    ({ partner_id, percentage_bp, payout_minor, touchpoints, role }): ShareTuple => [
      partner_id,
      names.get(partner_id) as string,
      percentage_bp,
      Number(payout_minor),
      touchpoints,
      role,
      owed.get(partner_id) as number,
    ],
  )
  const version = { unattributed_minor, calculated_at: at, reason, cause, shares }
  return { row, fingerprint, split: toSplit(row, version), isNew: true }
}

/** What a new version owes to each partner, in minor units. */
function owedBy({ commission }: Closed): ReadonlyMap<string, number> {
  return new Map(
    commission?.lines.map(({ partner_id, commission_minor }) => [partner_id, Number(commission_minor)]),
  )
}

/** The versions of a deal follow one another in time: by the clock, or 1 ms after the version before. */
function laterOf(at: string, previously: string): string {
  return at > previously ? at : toTimestamp(Date.parse(previously) + 1)
}

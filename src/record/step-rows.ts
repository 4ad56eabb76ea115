import { isSameDeal, isSameDescription } from './compare-deals.ts'
import type { DealFacts, Step, StepCommission } from './changes.ts'
import { type DealDescription, type DealPlan, type DealTerms, netOf, type VersionReason } from './schemas.ts'

/** A step that leaves its deal closed. */
export type ClosedStep = Step & { readonly next: DealFacts }

export function isChanged(step: ClosedStep): boolean {
  const { before, next, split } = step
  if (before === undefined) return false
  const isDated = before.row.closed_on !== next.terms.closed_on
  return split !== undefined || step.commission !== undefined || isDated || isUpdated(step)
}

function isRedescribed({ before, next: { description } }: ClosedStep): boolean {
  return before !== undefined && !isSameDescription(before.row, description)
}

export function toNewRow(step: ClosedStep) {
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

/** A sum of flat amounts may exceed 2^53, so it is text; a line is below. */
export function toCommission(step: ClosedStep) {
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
function effectiveDayOf({ before, next, happened_on }: ClosedStep): string | null {
  const { closed_on } = next.terms
  const isFirst = before === undefined || before.row.commission_version === 0
  return isFirst || happened_on === undefined || closed_on === null || happened_on < closed_on
    ? closed_on
    : happened_on
}

export function toChangedRow(step: ClosedStep) {
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

export function toVersion(step: ClosedStep, reason: VersionReason) {
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

/** Whether the deal changed for its clients: to get its day is no change. */
export function isUpdated(step: ClosedStep): boolean {
  const { before, next, split } = step
  if (split !== undefined || before === undefined) return true
  return before.row.void_reason !== next.void_reason || !isSameDeal(before.row, next)
}

export function toPlan({ commission_plan_id, commission_plan_version, is_plan_named }: DealPlan): DealPlan {
  return { commission_plan_id, commission_plan_version, is_plan_named }
}

export function commissionVersionOf({ before, commission }: ClosedStep): number {
  return (before?.row.commission_version ?? 0) + (commission === undefined ? 0 : 1)
}

export function versionOf({ before, split }: ClosedStep): number {
  return (before?.row.version ?? 0) + (split === undefined ? 0 : 1)
}

import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toTimestamp } from '../values/instants.ts'
import type { ChangedDeal } from './changes.ts'
import { listPartnerNames } from './partner-names.ts'
import { type RecordedDeal, toSplit } from './recorded-deals.ts'
import type { DealRow, ShareTuple, VersionReason } from './schemas.ts'
import { type ClosedStep, commissionVersionOf, isUpdated, toPlan, versionOf } from './step-rows.ts'

/** The names of the partners that the splits credit. The touches have them; only agreed partners may have no touch. */
export async function listNames(
  trx: Kysely<Database>,
  steps: readonly ClosedStep[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map(
    steps.flatMap(({ touches }) => touches.map(({ partner_id, partner_name }) => [partner_id, partner_name])),
  )
  const credited = steps.flatMap(({ split }) => split?.shares ?? []).map(({ partner_id }) => partner_id)
  const others = [...new Set(credited)].filter((id) => !names.has(id))
  return new Map([...names, ...(await listPartnerNames(trx, others))])
}

export function toUnchanged(step: ClosedStep): ChangedDeal {
  return { ...(step.before as RecordedDeal), isNew: false }
}

interface Recording {
  readonly reason: VersionReason
  readonly at: string
  readonly names: ReadonlyMap<string, string>
}

/** The deal as `record_change` stored it. */
export function toChanged(step: ClosedStep, { reason, at: recordedAt, names }: Recording): ChangedDeal {
  const { before, split, cause } = step
  const at = before === undefined ? recordedAt : laterOf(recordedAt, before.split.calculated_at)
  const owed = owedBy(step)
  const row = toRow(step, at)
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

function toRow(step: ClosedStep, at: string): DealRow {
  const { deal_id, before, next } = step
  return {
    id: deal_id,
    ...next.terms,
    ...next.description,
    ...toPlan(step.plan),
    commission_version: commissionVersionOf(step),
    refunded_minor: next.refunded_minor,
    version: versionOf(step),
    voided_at: next.void_reason === null ? null : (before?.row.voided_at ?? at),
    void_reason: next.void_reason,
    submission: next.submission,
    created_at: before?.row.created_at ?? at,
    updated_at: isUpdated(step) ? at : (before?.row.updated_at ?? at),
  }
}

/** What a new version owes to each partner, in minor units. */
function owedBy({ commission }: ClosedStep): ReadonlyMap<string, number> {
  return new Map(
    commission?.lines.map(({ partner_id, commission_minor }) => [partner_id, Number(commission_minor)]),
  )
}

/** The versions of a deal follow one another in time: by the clock, or 1 ms after the version before. */
function laterOf(at: string, previously: string): string {
  return at > previously ? at : toTimestamp(Date.parse(previously) + 1)
}

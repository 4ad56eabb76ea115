import type { Split } from '../attribution/attribute.ts'
import type { Commission } from '../commission/commission.ts'
import type { RecordedDeal } from './recorded-deals.ts'
import type { Cause, DealDescription, DealPlan, DealTerms, TouchRow, VersionRow } from './schemas.ts'

/** What changes on one deal. */
export interface DealChange {
  readonly deal_id: string
  /** The deal as it is stored, read under its lock. Undefined: it is not closed. */
  readonly before: RecordedDeal | undefined
  /** What the deal is from now on; all else stays as it is. Complete for a deal to close. */
  readonly after?: Partial<DealFacts>
  /** The touchpoints that were stored (count 1) or voided (count -1). */
  readonly touchpoints?: readonly TouchpointChange[]
  /** The partners of touchpoints that left the deal or became another partner's. */
  readonly leftBy?: readonly string[]
  /** The partners of touchpoints, void ones included, that came from another deal or partner. */
  readonly joinedBy?: readonly string[]
  /** What is picked again for the commission of a deal whose day and plan stay the same. */
  readonly picksAgain?: 'plan_version' | 'groups'
  /** The day of the fact, if it may be later than the close: that of a refund. */
  readonly happened_on?: string
  readonly cause: Cause
}

/** What a closed deal is, apart from its touchpoints. */
export interface DealFacts {
  readonly terms: DealTerms
  /** The sum of its refunds that are not void. */
  readonly refunded_minor: bigint
  readonly void_reason: string | null
  readonly submission: Buffer
  readonly description: DealDescription
  /** The commission plan that the client named. Null: the default of its day. */
  readonly plan_name: string | null
}

export interface TouchpointChange {
  readonly partner_id: string
  readonly touchpoint_type: string
  /** The day on which it counts. */
  readonly day: string
  readonly count: 1 | -1
}

/** A change with the split that follows from it. */
export interface SplitStep extends DealChange {
  readonly touches: readonly TouchRow[]
  /** The deal from now on. Undefined: it is not closed. */
  readonly next: DealFacts | undefined
  /** The split of a new version. Undefined: the inputs of the split are the same. */
  readonly split: (Split & NewVersion) | undefined
}

/** What a version stores of the inputs of its split, beside the terms. */
type NewVersion = Pick<VersionRow, 'fingerprint' | 'uncredited_partner_ids'>

/** What a deal owes from now on, and the groups of its partners that the plan read. */
export interface StepCommission extends Commission {
  readonly groups: ReadonlyMap<string, string | null>
}

/** A change with all that follows from it. */
export interface Step extends SplitStep {
  readonly plan: DealPlan
  /** What a new version owes. Undefined: it owes what it owed, or is not closed. */
  readonly commission: StepCommission | undefined
}

/** A deal as a change left it. */
export interface ChangedDeal extends RecordedDeal {
  /** Whether the change made a version. */
  readonly isNew: boolean
}

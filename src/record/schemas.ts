import { type Static, Type } from '@sinclair/typebox'
import type { TouchpointType } from '../attribution/touch.ts'
import { Id, Nullable, OneOf } from '../values/schemas.ts'
import type { AttributionModel, ModelParameters } from './terms-schemas.ts'

export const VersionReason = OneOf(
  [
    'closed',
    'late_event',
    'amended',
    'refunded',
    'refund_voided',
    'event_voided',
    'event_corrected',
    'event_reinstated',
    'deal_voided',
    'deal_reinstated',
    'partner_merged',
    'recalculated',
  ],
  {
    $id: 'VersionReason',
    description:
      'Why there is this version. `closed`: the deal was recorded. `late_event`: an event came after that. `amended`: the deal was changed. `refunded`: a part of its amount went back to the customer. `refund_voided`: a refund was voided. `event_voided`, `event_corrected`, `event_reinstated`: an event was voided, was corrected, or counts again. `deal_voided`, `deal_reinstated`: the deal was voided, or counts again. `partner_merged`: a partner was merged into another one. `recalculated`: the deal was recalculated and its inputs had changed.',
  },
)
export type VersionReason = Static<typeof VersionReason>

/** The changes that replace a revision of an event. */
export type RevisionReason = Extract<VersionReason, 'event_corrected' | 'event_reinstated' | 'partner_merged'>
/** What a client says of a deal; its split does not read it. */
export interface DealDescription {
  name: string | null
  metadata: Record<string, unknown> | null
}

/** The commission plan that a deal has pinned. */
export interface DealPlan {
  commission_plan_id: string
  /** Null: no version of the plan was in force on the day of the close, so the deal owes nothing. */
  commission_plan_version: number | null
  /** Otherwise the plan is the default of the day. */
  is_plan_named: boolean
}

/** A closed deal as it is stored. */
export type DealRow = DealTerms &
  DealPlan &
  DealDescription & {
    /** Its current version of what it owes. 0: recorded by a release without commissions; it owes the payouts. */
    commission_version: number
    id: string
    /** The sum of its refunds that are not void. */
    refunded_minor: bigint
    version: number
    voided_at: string | null
    void_reason: string | null
    /** The digest of the request that closed the deal. */
    submission: Buffer
    created_at: string
    updated_at: string
  }

/** What the refunds of a deal leave of its amount: the amount that is split. */
export function netOf({
  amount_minor,
  refunded_minor,
}: Pick<DealRow, 'amount_minor' | 'refunded_minor'>): bigint {
  return amount_minor - refunded_minor
}

export const Cause = Type.Object(
  {
    event_ids: Type.Array(Id, { description: 'The first 100 events that made the version, by id.' }),
    events_count: Type.Integer({ description: 'How many events made the version.' }),
    merged_partner_id: Type.Optional(
      Type.String({ description: 'The partner that was merged, if a merge made the version.' }),
    ),
    refund_ids: Type.Optional(
      Type.Array(Id, {
        description:
          'The first 100 refunds that made the version, by id, if refunds or a void refund made it.',
      }),
    ),
    note: Nullable(Type.String({ description: 'The `note` of the change.' })),
    api_key_ids: Type.Array(Id, {
      description:
        'The API keys of the requests that made the version: several, if requests were stored together.',
    }),
  },
  {
    $id: 'Cause',
    description: 'What made a version. Versions of releases before 0.2.0 name nothing here.',
  },
)
export type Cause = Static<typeof Cause>

/** A version of a deal's split, with the terms of the deal from which it was computed. Its `amount_minor` is the net amount. */
export type VersionRow = DealTerms & {
  deal_id: string
  version: number
  reason: VersionReason
  /** The sum of the refunds of the deal. With `amount_minor` it adds up to the amount of the deal. */
  refunded_minor: bigint
  /** Null in versions of releases that kept none. */
  cause: Cause | null
  unattributed_minor: bigint
  /** What an agreement leaves of 100 %, in hundredths of a percent. */
  unattributed_bp: number
  /** The partners whose credit had ended on its closed_on. Null: none. */
  uncredited_partner_ids: readonly string[] | null
  fingerprint: Buffer
  calculated_at: string
}

/** The columns of a deal that its split depends on. */
export interface DealTerms {
  amount_minor: bigint
  currency: string
  closed_date: string
  closed_all_day: boolean
  /** The day it counts on. Null: stored by a release that kept none. */
  closed_on: string | null
  /** The end of a whole day. Null: not a whole day, or one of 24 hours. */
  closed_until: string | null
  attribution_model: AttributionModel
  model_parameters: ModelParameters
}

/** A partner's share of a version, with the version's currency and closed_date. */
export type ShareRow = Pick<DealTerms, 'currency' | 'closed_date'> & {
  deal_id: string
  version: number
  partner_id: string
  payout_minor: bigint
  percentage_bp: number
  touchpoints: number
  role: string
}

export type ShareTuple = readonly [
  partner_id: string,
  partner_name: string,
  percentage_bp: number,
  payout_minor: number,
  touchpoints: number,
  role: string,
  commission_minor: number,
]

/** A version with its shares in one JSON value. Its `amount_minor` is the net amount. Amounts are below 2^53, so JSON numbers are exact. */
export type SplitRow = Pick<
  VersionRow,
  | 'deal_id'
  | 'version'
  | 'amount_minor'
  | 'currency'
  | 'attribution_model'
  | 'unattributed_minor'
  | 'calculated_at'
  | 'reason'
  | 'cause'
> & { shares: readonly ShareTuple[]; voided_at: string | null }

/** A touchpoint of a deal, and the versions from which it is known and void. */
export interface TouchRow {
  id: string
  deal_id: string
  partner_id: string
  partner_name: string
  touchpoint_type: TouchpointType
  timestamp: string
  happened_on: string | null
  known_from: number
  void_from: number | null
  /** Whether its partner is or ever was inactive. */
  has_left: boolean
}

/** A touchpoint as it was on a deal: the current revision of an event, or an earlier one. */
export type TouchRevision = Omit<TouchRow, 'happened_on' | 'partner_name'> & {
  revision: number
  /** The first version that no longer reads it. Null: it is current. */
  known_until: number | null
  /** When it was stored, or replaced the revision before. */
  since: string
  voided_at: string | null
  replaced_at: string | null
}

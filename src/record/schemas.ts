import type { DealRow, VersionReason } from '../deals/schemas.ts'

/** A version of a deal's split, with the facts of the deal that it was worked out from. */
export type VersionRow = Facts & {
  deal_id: string
  version: number
  reason: VersionReason
  unattributed_minor: bigint
  fingerprint: Buffer
  calculated_at: string
}

/** What a split reads of a deal beside its touchpoints. */
export type Facts = Pick<
  DealRow,
  'amount_minor' | 'currency' | 'closed_date' | 'closed_all_day' | 'attribution_model' | 'model_parameters'
>

/** A partner's part of a version, with the version's currency and close. */
export type PayoutRow = Pick<Facts, 'currency' | 'closed_date'> & {
  deal_id: string
  version: number
  partner_id: string
  payout_minor: bigint
  percentage_bp: number
  touchpoints: number
  role: string
}

type Share = readonly [
  partner_id: string,
  partner_name: string,
  percentage_bp: number,
  payout_minor: number,
  touchpoints: number,
  role: string,
]

/** A version with its shares, as one JSON value: amounts are below 2^53, so its numbers are exact. */
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
> & { shares: readonly Share[] }

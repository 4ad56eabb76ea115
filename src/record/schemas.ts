import { type Static, Type } from '@sinclair/typebox'
import { modelNames } from '../attribution/models.ts'
import { type TouchpointType, touchpointTypes } from '../attribution/touch.ts'
import { Amount, Currency, Nullable, OneOf, ref, Strict, Timestamp } from '../values/schemas.ts'

export const AttributionModel = OneOf(modelNames, { $id: 'AttributionModel' })

export type AttributionModel = Static<typeof AttributionModel>

export const VersionReason = OneOf(
  ['closed', 'late_event', 'amended', 'event_voided', 'deal_voided', 'recalculated'],
  { $id: 'VersionReason' },
)
export type VersionReason = Static<typeof VersionReason>

const weight = Type.Optional(Type.Number({ minimum: 0, maximum: 1000, 'x-decimals': 4 }))

export const Weights = Strict(
  Object.fromEntries([...touchpointTypes, 'first', 'middle', 'last'].map((name) => [name, weight])),
  {
    $id: 'Weights',
    description:
      'role-based: the weight of each touchpoint type; position-based: of the first, all middle and the last touchpoint. They need not add up to 1.',
  },
)

/** Each parameter belongs to the models that its description names; what is left out takes its default. */
export const ModelParameters = Strict(
  {
    close_grace_minutes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 525_600,
        description: 'All models: minutes after the close that still count.',
      }),
    ),
    lookback_days: Type.Optional(
      Nullable(
        Type.Integer({
          minimum: 1,
          maximum: 36_500,
          description: 'All models: days before the close that count.',
        }),
      ),
    ),
    weights: Type.Optional(ref(Weights)),
    half_life_days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3650,
        description: 'time-decay: days after which a touchpoint weighs half.',
      }),
    ),
  },
  { $id: 'ModelParameters' },
)
export type ModelParameters = Static<typeof ModelParameters>

/** What a client says of a deal that it closes, or only tries out. */
export const sentFacts = {
  amount: Amount,
  currency: Type.Optional(Currency),
  closed_date: Type.Optional(Timestamp),
  attribution_model: ref(AttributionModel),
  model_parameters: Type.Optional(ref(ModelParameters)),
}
const SentFacts = Type.Object(sentFacts)
export type SentFacts = Static<typeof SentFacts>

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
export interface Facts {
  amount_minor: bigint
  currency: string
  closed_date: string
  closed_all_day: boolean
  attribution_model: AttributionModel
  model_parameters: ModelParameters
}

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

/** A touchpoint of a deal as the record reads it. */
export interface TouchRow {
  id: string
  deal_id: string
  partner_id: string
  partner_name: string
  touchpoint_type: TouchpointType
  timestamp: string
  known_from: number
  void_from: number | null
}

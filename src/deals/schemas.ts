import { type Static, Type } from '@sinclair/typebox'
import { touchpointTypes } from '../attribution/journey.ts'
import { modelNames } from '../attribution/models.ts'
import { Event } from '../events/schemas.ts'
import {
  Amount,
  Currency,
  Id,
  Listing,
  Money,
  Nullable,
  OneOf,
  ref,
  Strict,
  Timestamp,
} from '../http/schemas.ts'

export const AttributionModel = OneOf(modelNames, { $id: 'AttributionModel' })

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

export const Deal = Type.Object(
  {
    id: Id,
    amount: Amount,
    currency: Currency,
    closed_date: Timestamp,
    attribution_model: ref(AttributionModel),
    model_parameters: ref(ModelParameters),
    version: Type.Integer({ description: 'Of its current attribution.' }),
    voided_at: Nullable(Timestamp),
    void_reason: Nullable(Type.String()),
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  { $id: 'Deal' },
)
export type Deal = Static<typeof Deal>

/** What a client says of a deal that it closes, or only tries out. */
export const facts = {
  amount: Amount,
  currency: Type.Optional(Currency),
  closed_date: Type.Optional(Timestamp),
  attribution_model: ref(AttributionModel),
  model_parameters: Type.Optional(ref(ModelParameters)),
}

export const NewDeal = Strict({ id: Type.Optional(Id), ...facts }, { $id: 'NewDeal' })
export type NewDeal = Static<typeof NewDeal>

export const DealChange = Strict(
  {
    amount: Type.Optional(Amount),
    closed_date: Type.Optional(Timestamp),
    attribution_model: Type.Optional(ref(AttributionModel)),
    model_parameters: Type.Optional(ref(ModelParameters)),
  },
  { $id: 'DealChange', minProperties: 1 },
)
export type DealChange = Static<typeof DealChange>

export const Share = Type.Object(
  {
    partner_id: Id,
    partner_name: Type.String(),
    percentage: Type.Number({ description: 'Two decimals; the shares of a deal add up to 100.' }),
    payout: Money,
    touchpoints: Type.Integer({ description: 'Touchpoints of the partner that qualified.' }),
    role: Type.String({ description: 'Their distinct types, sorted.' }),
  },
  { $id: 'Share' },
)
export type Share = Static<typeof Share>

export const Attribution = Type.Object(
  {
    deal_id: Id,
    total_amount: Money,
    currency: Currency,
    model: ref(AttributionModel),
    attributions: Type.Array(ref(Share)),
    unattributed: Money,
    version: Type.Integer(),
    calculated_at: Timestamp,
    cached: Type.Boolean({ description: 'Whether a stored version answered.' }),
  },
  { $id: 'Attribution', description: 'A split of a deal: shares and unattributed add up to its amount.' },
)
export type Attribution = Static<typeof Attribution>

export const AttributionVersion = Type.Object(
  { ...Attribution.properties, reason: ref(VersionReason) },
  { $id: 'AttributionVersion' },
)
export type AttributionVersion = Static<typeof AttributionVersion>

export const DealEvent = Type.Composite([Event, Type.Object({ partner_name: Type.String() })], {
  $id: 'DealEvent',
})

export const DealSplit = Type.Object(
  { deal: ref(Deal), attribution: ref(Attribution) },
  { $id: 'DealSplit', description: 'A deal and its split as it stands.' },
)
export type DealSplit = Static<typeof DealSplit>

export const DealPage = Listing({ deals: Type.Array(ref(Deal)) }, { $id: 'DealPage' })

export const DealDetail = Type.Object(
  {
    deal: ref(Deal),
    events: Type.Array(ref(DealEvent), { description: 'The first 100, oldest first.' }),
    events_count: Type.Integer({ description: 'How many it has, the void ones too.' }),
  },
  { $id: 'DealDetail' },
)
export type DealDetail = Static<typeof DealDetail>

export const AttributionHistory = Listing(
  { versions: Type.Array(ref(AttributionVersion)) },
  { $id: 'AttributionHistory' },
)

export type DealRow = Omit<Deal, 'amount'> & {
  amount_minor: bigint
  closed_all_day: boolean
  submission: Buffer
}

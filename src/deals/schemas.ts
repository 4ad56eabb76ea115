import { type Static, Type } from '@sinclair/typebox'
import { touchpointTypes } from '../attribution/journey.ts'
import { modelNames } from '../attribution/models.ts'
import { Event, NewEvent } from '../events/schemas.ts'
import { Amount, Currency, Id, Money, Nullable, OneOf, ref, Strict, Timestamp } from '../http/schemas.ts'

export const AttributionModel = OneOf(modelNames)

const weight = Type.Optional(Type.Number({ minimum: 0, maximum: 1000, multipleOf: 0.0001 }))

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
    weights: Type.Optional(
      Strict(
        Object.fromEntries([...touchpointTypes, 'first', 'middle', 'last'].map((name) => [name, weight])),
        {
          description:
            'role-based: the weight of each touchpoint type; position-based: of the first, all middle and the last touchpoint. They need not add up to 1.',
        },
      ),
    ),
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
    attribution_model: AttributionModel,
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

const facts = {
  amount: Amount,
  currency: Type.Optional(Currency),
  closed_date: Type.Optional(Timestamp),
  attribution_model: AttributionModel,
  model_parameters: Type.Optional(ref(ModelParameters)),
}

export const NewDeal = Strict({ id: Type.Optional(Id), ...facts }, { $id: 'NewDeal' })
export type NewDeal = Static<typeof NewDeal>

export const DealChange = Strict(
  {
    amount: Type.Optional(Amount),
    closed_date: Type.Optional(Timestamp),
    attribution_model: Type.Optional(AttributionModel),
    model_parameters: Type.Optional(ref(ModelParameters)),
  },
  { $id: 'DealChange', minProperties: 1 },
)
export type DealChange = Static<typeof DealChange>

export const Simulation = Strict(
  {
    ...facts,
    events: Type.Array(Type.Omit(NewEvent, ['deal_id', 'metadata'], { additionalProperties: false }), {
      maxItems: 1000,
    }),
  },
  { $id: 'Simulation' },
)
export type Simulation = Static<typeof Simulation>

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
    model: AttributionModel,
    attributions: Type.Array(ref(Share)),
    unattributed: Money,
    version: Type.Integer(),
    calculated_at: Timestamp,
    cached: Type.Boolean({ description: 'Whether a stored version answered.' }),
  },
  { $id: 'Attribution', description: 'A split of a deal: shares and unattributed add up to its amount.' },
)
export type Attribution = Static<typeof Attribution>

export const SimulatedAttribution = Type.Omit(Attribution, ['deal_id', 'version'], {
  $id: 'SimulatedAttribution',
})
export type SimulatedAttribution = Static<typeof SimulatedAttribution>

export const Comparison = Type.Object(
  {
    deal_id: Id,
    total_amount: Money,
    currency: Currency,
    models: Type.Array(
      Type.Object({ model: AttributionModel, attributions: Type.Array(ref(Share)), unattributed: Money }),
    ),
  },
  { $id: 'Comparison' },
)
export type Comparison = Static<typeof Comparison>

export const DealEvent = Type.Composite([Event, Type.Object({ partner_name: Type.String() })], {
  $id: 'DealEvent',
})
export type DealEvent = Static<typeof DealEvent>

export type DealRow = Omit<Deal, 'amount'> & {
  amount_minor: bigint
  closed_all_day: boolean
  submission: Buffer
}

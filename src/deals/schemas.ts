import { type Static, Type } from '@sinclair/typebox'
import { Event } from '../events/schemas.ts'
import { AttributionModel, type Facts, ModelParameters, sentFacts } from '../record/schemas.ts'
import { Attribution } from '../splits/schemas.ts'
import { Amount, Currency, Id, Listing, Nullable, ref, Strict, Timestamp } from '../values/schemas.ts'

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

export const NewDeal = Strict({ id: Type.Optional(Id), ...sentFacts }, { $id: 'NewDeal' })
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

export type DealRow = Omit<Deal, 'amount'> & Facts & { submission: Buffer }

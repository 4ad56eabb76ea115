import { type Static, Type } from '@sinclair/typebox'
import { Event } from '../events/schemas.ts'
import { AttributionModel, ModelParameters, sentClose, sentTerms } from '../record/terms-schemas.ts'
import { Attribution } from '../splits/schemas.ts'
import {
  Amount,
  Currency,
  Day,
  DeclaredId,
  describe,
  Id,
  LineId,
  Listing,
  Metadata,
  Money,
  NewId,
  Nullable,
  OneOf,
  ref,
  Strict,
  Text,
  Timestamp,
} from '../values/schemas.ts'

const dealName = describe(Text(200), 'The name of the deal in your system.')

/** What a deal with an `amount` has besides. */
export const refundedAmounts = {
  refunded_amount: describe(Money, 'The sum of its refunds that are not void.'),
  net_amount: describe(Money, '`amount` less `refunded_amount`: what is split, and what reports add up.'),
}

export const Deal = Type.Object(
  {
    id: Id,
    name: Nullable(dealName),
    amount: describe(Amount, 'The amount at the close, before refunds.'),
    ...refundedAmounts,
    currency: Currency,
    closed_date: describe(
      Timestamp,
      'When the deal closed. With `closed_all_day`: the start of the day that was sent. Lists go by it.',
    ),
    closed_all_day: Type.Boolean({ description: 'Whether `closed_date` stands for its whole day.' }),
    closed_on: describe(
      Day,
      'The day on which reports count the deal: the date that was written for a whole day, else the date of `closed_date` in the time zone of the service.',
    ),
    attribution_model: ref(AttributionModel),
    model_parameters: ref(ModelParameters),
    commission_plan_id: describe(Id, 'The commission plan of the deal.'),
    commission_plan_version: Nullable(
      Type.Integer({
        description:
          'The version of the plan that was in force on `closed_on` when the plan was picked. Null: none was, so the deal owes nothing.',
      }),
    ),
    metadata: Nullable(Metadata),
    version: Type.Integer({ description: 'The version of its current split.' }),
    voided_at: Nullable(describe(Timestamp, 'When the deal was voided. Null while it counts.')),
    void_reason: Nullable(Type.String()),
    created_at: describe(Timestamp, 'When the service stored the deal.'),
    updated_at: describe(Timestamp, 'When the deal or its split changed last.'),
  },
  { $id: 'Deal' },
)
export type Deal = Static<typeof Deal>

export const NewDeal = Strict(
  {
    id: NewId,
    name: Type.Optional(Nullable(dealName)),
    ...sentTerms,
    commission_plan_id: Type.Optional(
      Nullable(
        describe(Id, 'The commission plan of the deal. Default, and null: the default plan of `closed_on`.'),
      ),
    ),
    metadata: Type.Optional(Nullable(Metadata)),
  },
  { $id: 'NewDeal' },
)
export type NewDeal = Static<typeof NewDeal>

export const DealChange = Strict(
  {
    name: Type.Optional(Nullable(dealName)),
    amount: Type.Optional(Amount),
    currency: Type.Optional(
      describe(
        Currency,
        'The currency that `amount` is in. If it has other decimals than the stored one, `amount` must be sent too; else a stored amount of 100.00 stays 100.00.',
      ),
    ),
    ...sentClose,
    commission_plan_id: Type.Optional(
      Nullable(describe(Id, 'Another commission plan. Null: the default plan of `closed_on`.')),
    ),
    attribution_model: Type.Optional(ref(AttributionModel)),
    model_parameters: Type.Optional(ref(ModelParameters)),
    metadata: Type.Optional(
      Nullable(describe(Metadata, 'Merged deeply into the stored object. Null removes it as a whole.')),
    ),
    note: Type.Optional(
      describe(Text(500), 'Why the deal is changed. The history shows it with the version.'),
    ),
  },
  { $id: 'DealChange', minProperties: 1 },
)
export type DealChange = Static<typeof DealChange>

export const DealDeclaration = Strict(
  {
    ...NewDeal.properties,
    id: DeclaredId,
    commission_plan_id: Type.Optional(
      Nullable(
        describe(
          Id,
          'The commission plan of the deal. Null: the default plan of `closed_on`. Left out: a new deal takes that default, and a stored one keeps its plan.',
        ),
      ),
    ),
    model_parameters: Type.Optional(
      describe(
        ref(ModelParameters),
        'The whole set: weights and other parameters that it leaves out take their defaults, but `close_grace_minutes` and `lookback_days` keep what is stored. Left out, all parameters keep what is stored; if the model changes, only these two do.',
      ),
    ),
    metadata: Type.Optional(Nullable(describe(Metadata, 'The whole object. Null: none.'))),
    note: DealChange.properties.note,
  },
  {
    $id: 'DealDeclaration',
    description:
      'What you know of a deal. A field that is left out keeps what is stored; for a new deal it takes its default.',
  },
)
export type DealDeclaration = Static<typeof DealDeclaration>

export const DealLine = Strict(
  { ...NewDeal.properties, id: LineId, kind: OneOf(['deal']) },
  { $id: 'DealLine' },
)
export type DealLine = Static<typeof DealLine>

export const DeclaredDealLine = Strict(
  { ...DealDeclaration.properties, id: LineId, kind: OneOf(['deal']) },
  { $id: 'DeclaredDealLine' },
)
export type DeclaredDealLine = Static<typeof DeclaredDealLine>

export const DealEvent = Type.Composite([Event, Type.Object({ partner_name: Type.String() })], {
  $id: 'DealEvent',
})

export const DealSplit = Type.Object(
  { deal: ref(Deal), attribution: ref(Attribution) },
  { $id: 'DealSplit', description: 'A deal and its current split.' },
)
export type DealSplit = Static<typeof DealSplit>

// A page of 1,000 objects of 16 kB would take too much memory.
export const ListedDeal = Type.Omit(Deal, ['metadata'], {
  $id: 'ListedDeal',
  description: 'A deal in a list: without its `metadata`.',
})

export type ListedDeal = Static<typeof ListedDeal>

export const DealPage = Listing({ deals: Type.Array(ref(ListedDeal)) }, { $id: 'DealPage' })

export const DealDetail = Type.Object(
  {
    deal: ref(Deal),
    events: Type.Array(ref(DealEvent), { description: 'The first 100 events, oldest first.' }),
    events_count: Type.Integer({ description: 'How many events the deal has, including void ones.' }),
  },
  { $id: 'DealDetail' },
)
export type DealDetail = Static<typeof DealDetail>

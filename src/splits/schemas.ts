import { type Static, Type } from '@sinclair/typebox'
import { Cause, VersionReason } from '../record/schemas.ts'
import { AttributionModel } from '../record/terms-schemas.ts'
import { Currency, describe, Id, Listing, Money, Nullable, ref, Timestamp } from '../values/schemas.ts'

export const Share = Type.Object(
  {
    partner_id: Id,
    partner_name: Type.String({ description: 'The current name of the partner.' }),
    percentage: Type.Number({
      description:
        'Two decimals. The percentages of a split add up to exactly 100, or under `agreed` to what was agreed.',
    }),
    payout: describe(Money, "The partner's part of `total_amount`, in units of the currency."),
    commission: describe(
      Money,
      'What the company owes the partner for the payout, by the commission plan of the deal.',
    ),
    touchpoints: Type.Integer({ description: 'How many touchpoints of the partner count.' }),
    role: Type.String({
      description: 'The distinct types of these touchpoints, sorted. Empty if there are none.',
    }),
  },
  { $id: 'Share' },
)
export type Share = Static<typeof Share>

export const Attribution = Type.Object(
  {
    deal_id: Id,
    total_amount: describe(Money, 'The net amount of the deal (after refunds), in units of the currency.'),
    currency: Currency,
    model: ref(AttributionModel),
    attributions: Type.Array(ref(Share), { description: 'Highest payout first, then by partner id.' }),
    unattributed: describe(
      Money,
      'The part of `total_amount` that no partner earns. With all payouts it adds up to exactly `total_amount`.',
    ),
    version: Type.Integer({
      description: '1 when the deal is recorded. A change of what the split depends on adds 1.',
    }),
    calculated_at: describe(
      Timestamp,
      'When the split was computed. Every version of a deal is later than the version before it.',
    ),
    voided_at: Nullable(describe(Timestamp, 'When the deal was voided. Null while it counts.')),
    cached: Type.Boolean({
      description: 'True if the split was read from the stored version, false if this request computed it.',
    }),
  },
  { $id: 'Attribution', description: 'How the amount of a deal is split among partners.' },
)
export type Attribution = Static<typeof Attribution>

export const AttributionVersion = Type.Object(
  { ...Attribution.properties, reason: ref(VersionReason), cause: ref(Cause) },
  { $id: 'AttributionVersion' },
)
export type AttributionVersion = Static<typeof AttributionVersion>

export const AttributionHistory = Listing(
  { versions: Type.Array(ref(AttributionVersion)) },
  { $id: 'AttributionHistory' },
)

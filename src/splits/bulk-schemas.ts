import { type Static, Type } from '@sinclair/typebox'
import { AttributionModel } from '../record/terms-schemas.ts'
import { Currency, Day, describe, Id, Listing, Money, Nullable, ref, Timestamp } from '../values/schemas.ts'
import { Attribution } from './schemas.ts'

const closed_on = describe(Day, 'The day on which reports count the deal.')

export const DealAttribution = Type.Object(
  { ...Attribution.properties, closed_on },
  { $id: 'DealAttribution', description: 'The current split of a deal, with the day of its close.' },
)
export type DealAttribution = Static<typeof DealAttribution>

export const AttributionPage = Listing(
  { attributions: Type.Array(ref(DealAttribution)) },
  { $id: 'AttributionPage' },
)

/** The columns of the CSV, in this order. */
export const ShareLine = Type.Object(
  {
    deal_id: Id,
    closed_on,
    currency: Currency,
    total_amount: describe(
      Money,
      'The net amount of the deal (after refunds), in units of the currency, on each of its lines.',
    ),
    partner_id: Nullable(
      describe(Id, 'Null, in CSV empty, on the line with the part of the deal that no partner earns.'),
    ),
    partner_name: Nullable(Type.String({ description: 'The current name of the partner.' })),
    percentage: Type.Number({
      description: 'Two decimals. The percentages of the lines of a deal add up to 100.',
    }),
    payout: describe(
      Money,
      "The partner's part of `total_amount`. The payouts of the lines of a deal add up to exactly `total_amount`.",
    ),
    commission: describe(
      Money,
      'What the company owes the partner for the payout, by the commission plan of the deal.',
    ),
    touchpoints: Type.Integer({ description: 'How many touchpoints of the partner count.' }),
    role: Type.String({ description: 'The distinct types of these touchpoints, sorted.' }),
    model: ref(AttributionModel),
    version: Type.Integer({ description: 'The version of the split.' }),
    calculated_at: describe(Timestamp, 'When the split was computed.'),
  },
  { $id: 'ShareLine', description: "A partner's share of a deal." },
)
export type ShareLine = Static<typeof ShareLine>

import { type Static, Type } from '@sinclair/typebox'
import { AttributionModel, VersionReason } from '../record/schemas.ts'
import { Currency, Id, Listing, Money, ref, Timestamp } from '../values/schemas.ts'

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

export const AttributionHistory = Listing(
  { versions: Type.Array(ref(AttributionVersion)) },
  { $id: 'AttributionHistory' },
)

import { type Static, Type } from '@sinclair/typebox'
import { Currency, Id, Listing, Money, OneOf, ref, Strict, Text, Timestamp } from '../values/schemas.ts'

export const PartnerStatus = OneOf(['active', 'inactive'], { $id: 'PartnerStatus' })

/** Bank account, tax id and the like: up to 20 short strings. */
export const PayoutDetails = Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]{0,39}$' }), Text(200), {
  $id: 'PayoutDetails',
  minProperties: 1,
  maxProperties: 20,
  additionalProperties: false,
  description: 'Stored encrypted and masked in every answer.',
})

export type PayoutDetails = Static<typeof PayoutDetails>

const name = Text(200)
const email = Type.String({ format: 'email', maxLength: 254 })

export const Partner = Type.Object(
  {
    id: Id,
    name,
    email,
    status: ref(PartnerStatus),
    payout_details: Type.Unsafe<Record<string, string> | null>({
      type: ['object', 'null'],
      additionalProperties: { type: 'string' },
      description:
        'Masked: at most the last third of each value is shown. Null where there are none, and in the replay of an idempotent request.',
    }),
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  { $id: 'Partner' },
)
export type Partner = Static<typeof Partner>

export const NewPartner = Strict(
  { id: Type.Optional(Id), name, email, payout_details: Type.Optional(ref(PayoutDetails)) },
  { $id: 'NewPartner' },
)
export type NewPartner = Static<typeof NewPartner>

export const PartnerChange = Strict(
  {
    name: Type.Optional(name),
    email: Type.Optional(email),
    payout_details: Type.Optional(ref(PayoutDetails)),
    status: Type.Optional(ref(PartnerStatus)),
  },
  { $id: 'PartnerChange', minProperties: 1 },
)
export type PartnerChange = Static<typeof PartnerChange>

export const PartnerStats = Type.Object(
  {
    currency: Currency,
    total_deals: Type.Integer({ description: 'Deals that credit the partner.' }),
    total_payout: Money,
    total_attributions: Type.Integer({ description: 'Touchpoints of the partner that those deals credit.' }),
  },
  { $id: 'PartnerStats' },
)
export type PartnerStats = Static<typeof PartnerStats>

export const PartnerAnswer = Type.Object({ partner: ref(Partner) }, { $id: 'PartnerAnswer' })

export const PartnerPage = Listing({ partners: Type.Array(ref(Partner)) }, { $id: 'PartnerPage' })

export const PartnerDetail = Type.Object(
  { partner: ref(Partner), stats: ref(PartnerStats) },
  { $id: 'PartnerDetail' },
)
export type PartnerDetail = Static<typeof PartnerDetail>

export const PayoutDetailsAnswer = Type.Object(
  {
    payout_details: Type.Unsafe<PayoutDetails | null>({
      type: ['object', 'null'],
      additionalProperties: { type: 'string' },
      description: 'In clear; null where there are none.',
    }),
  },
  { $id: 'PayoutDetailsAnswer' },
)

/** What the row holds beside the resource: the sealed details, and the digest of the first submission without them. */
export type PartnerRow = Omit<Partner, 'payout_details'> & {
  payout_details: Buffer | null
  submission: Buffer
}

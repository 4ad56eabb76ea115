import { type Static, Type } from '@sinclair/typebox'
import { Deal } from '../deals/schemas.ts'
import { Attribution } from '../splits/schemas.ts'
import {
  Amount,
  Currency,
  Day,
  describe,
  Id,
  LineId,
  Listing,
  NewId,
  Nullable,
  OneOf,
  ref,
  Strict,
  Text,
  Timestamp,
} from '../values/schemas.ts'

const reason = describe(Text(500), 'Why the money went back.')
const deal_id = describe(Id, 'A recorded deal.')

export const Refund = Type.Object(
  {
    id: Id,
    deal_id: Id,
    amount: Amount,
    currency: describe(Currency, 'The currency of the deal.'),
    refunded_on: describe(Day, 'The day on which the money went back.'),
    counted_on: describe(
      Day,
      'The day on which the refund counts: `refunded_on`, or `closed_on` of the deal if the deal closes later.',
    ),
    reason: Nullable(reason),
    voided_at: Nullable(describe(Timestamp, 'When the refund was voided. Null while it counts.')),
    void_reason: Nullable(Type.String()),
    created_at: describe(Timestamp, 'When the service stored the refund.'),
  },
  { $id: 'Refund', description: 'A part of the amount of a deal that went back to the customer.' },
)
export type Refund = Static<typeof Refund>

/** A refund as it is stored. */
export type RefundRow = Omit<Refund, 'amount' | 'counted_on'> & {
  amount_minor: bigint
  /** The digest of the request that recorded the refund. */
  submission: Buffer
}

export const NewRefund = Strict(
  {
    id: NewId,
    amount: describe(
      Amount,
      'In units of the currency of the deal, such as 1234.56 for USD. At most what is left of the deal. More decimals than the currency has are refused (400), never rounded.',
    ),
    refunded_on: Type.Optional(
      describe(
        Day,
        'The day on which the money went back, in `TIME_ZONE`: today, which is the default, or earlier.',
      ),
    ),
    reason: Type.Optional(Nullable(reason)),
  },
  { $id: 'NewRefund' },
)
export type NewRefund = Static<typeof NewRefund>

export const RefundLine = Strict(
  { ...NewRefund.properties, id: LineId, deal_id, kind: OneOf(['refund']) },
  { $id: 'RefundLine' },
)
export type RefundLine = Static<typeof RefundLine>

export const RefundSplit = Type.Object(
  { refund: ref(Refund), deal: ref(Deal), attribution: ref(Attribution) },
  { $id: 'RefundSplit', description: 'A refund, its deal, and the current split of the deal.' },
)
export type RefundSplit = Static<typeof RefundSplit>

export const RefundPage = Listing({ refunds: Type.Array(ref(Refund)) }, { $id: 'RefundPage' })

import { type Static, Type } from '@sinclair/typebox'
import { VersionReason } from '../record/schemas.ts'
import {
  Currency,
  describe,
  Id,
  Listing,
  Matching,
  Money,
  Nullable,
  OneOf,
  ref,
  Timestamp,
} from '../values/schemas.ts'

export const Month = Matching(
  '^(?:19[7-9]\\d|[2-9]\\d{3})-(?:0[1-9]|1[0-2])$',
  'must be a month such as 2026-07, from 1970 to 9999',
  {
    description:
      'The month, in `TIME_ZONE`, such as 2026-07. A deal is in the month of the day of its close.',
  },
)

export const StatementFormat = OneOf(['json', 'csv'], {
  $id: 'StatementFormat',
  deprecated: true,
  description:
    'For clients of 0.1: `csv` returns what `/statement.csv` returns. Without it, the Accept header decides.',
})

export const StatementChange = Type.Object(
  {
    version: Type.Integer(),
    reason: ref(VersionReason),
    calculated_at: Timestamp,
    payout: Type.Number({ description: "The partner's payout in this version." }),
  },
  { $id: 'StatementChange' },
)
export type StatementChange = Static<typeof StatementChange>

export const StatementLine = Type.Object(
  {
    deal_id: Id,
    closed_date: Timestamp,
    version: Type.Integer({ description: 'The version of the split that has this payout.' }),
    percentage: Type.Number({ description: "The partner's share of the deal, two decimals." }),
    payout: describe(Money, "The partner's part of the deal, in units of the currency."),
    changes: Type.Array(ref(StatementChange), {
      description: 'The versions of the split up to this one, oldest first: the last 50.',
    }),
    changes_count: Type.Integer({ description: 'How many versions there are up to this one.' }),
  },
  { $id: 'StatementLine' },
)
export type StatementLine = Static<typeof StatementLine>

export const Statement = Listing(
  {
    partner_id: Id,
    month: Month,
    currency: Currency,
    as_of: Nullable(describe(Timestamp, 'The instant of `as_of` in the request, or null: now.')),
    lines: Type.Array(ref(StatementLine)),
    total_payout: Type.Number({ description: 'The sum of all payouts, including those on other pages.' }),
  },
  { $id: 'Statement', description: 'The deals of a month that credit a partner.' },
)
export type Statement = Static<typeof Statement>

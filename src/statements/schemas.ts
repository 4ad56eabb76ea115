import { type Static, Type } from '@sinclair/typebox'
import { VersionReason } from '../record/schemas.ts'
import { Currency, Id, Listing, Money, Nullable, OneOf, ref, Timestamp } from '../values/schemas.ts'

export const Month = Type.String({
  pattern: '^(?:19[7-9]\\d|[2-9]\\d{3})-(?:0[1-9]|1[0-2])$',
  description: 'A month of UTC, such as 2026-07.',
})

export const StatementFormat = OneOf(['json', 'csv'], {
  $id: 'StatementFormat',
  description: 'Where it is missing, the Accept header decides.',
})

export const StatementChange = Type.Object(
  {
    version: Type.Integer(),
    reason: ref(VersionReason),
    calculated_at: Timestamp,
    payout: Type.Number({ description: "The partner's payout from then on." }),
  },
  { $id: 'StatementChange' },
)
export type StatementChange = Static<typeof StatementChange>

export const StatementLine = Type.Object(
  {
    deal_id: Id,
    closed_date: Timestamp,
    version: Type.Integer({ description: 'Of the attribution that the payout is from.' }),
    percentage: Type.Number(),
    payout: Money,
    changes: Type.Array(ref(StatementChange), {
      description: 'How the payout came about, oldest first: the last 50 changes.',
    }),
    changes_count: Type.Integer({ description: 'How many changes there were.' }),
  },
  { $id: 'StatementLine' },
)
export type StatementLine = Static<typeof StatementLine>

export const Statement = Listing(
  {
    partner_id: Id,
    month: Month,
    currency: Currency,
    as_of: Nullable(Timestamp),
    lines: Type.Array(ref(StatementLine)),
    total_payout: Type.Number({ description: 'The payouts of all lines, those of other pages too.' }),
  },
  { $id: 'Statement', description: 'The deals of a month that credit a partner.' },
)
export type Statement = Static<typeof Statement>

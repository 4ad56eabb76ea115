import { type Static, Type } from '@sinclair/typebox'
import { VersionReason } from '../record/schemas.ts'
import { AttributionModel } from '../record/terms-schemas.ts'
import {
  Currency,
  Day,
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
  { description: 'A month of `TIME_ZONE`, such as 2026-07.' },
)

export const StatementFormat = OneOf(['json', 'csv'], {
  $id: 'StatementFormat',
  deprecated: true,
  description:
    'For clients of 0.1: `csv` returns what `/statement.csv` returns. Without it, the Accept header decides.',
})

export const StatementLineKind = OneOf(['earned', 'adjusted'], {
  $id: 'StatementLineKind',
  description:
    '`earned`: the first amount of the deal for the partner, in the month of the close. `adjusted`: a later one, or one that was posted in a later month.',
})

export const StatementLine = Type.Object(
  {
    kind: ref(StatementLineKind),
    deal_id: Id,
    deal_name: Nullable(Type.String({ description: 'The current name of the deal.' })),
    effective_on: describe(Day, 'The day of the close, or of the refund.'),
    amount: describe(Money, 'What the line adds to what is payable. Negative: it takes away.'),
    before: describe(Money, 'What the deal owed the partner before.'),
    after: describe(Money, 'What the deal owes the partner from then on.'),
    reason: describe(ref(VersionReason), 'Why the commission changed.'),
    note: Nullable(Type.String({ description: 'The `note` of the change.' })),
    posted_at: describe(Timestamp, 'When the line was posted.'),
    commission_version: Type.Integer({ description: 'The version of the commission of the deal.' }),
    split_version: Type.Integer({ description: 'The version of the split.' }),
    deal_amount: describe(Money, 'The amount of the deal in that version, before refunds.'),
    refunded_amount: describe(Money, 'The part of it that was refunded.'),
    attribution_model: ref(AttributionModel),
    percentage: Type.Number({ description: "The partner's share of the deal, two decimals." }),
    payout: describe(Money, "The partner's part of what the refunds leave of the amount."),
    plan_id: describe(Id, 'The commission plan of the deal.'),
    rate: Nullable(
      Type.String({
        description: 'The rate of the rule, in percent. Null: a flat amount, or no rule fits.',
      }),
    ),
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
    is_locked: Type.Boolean({ description: 'Whether the month is locked, so that no line is ever added.' }),
    opening: describe(Money, 'What was payable before the month: `closing` of the month before.'),
    closing: describe(Money, 'What is payable after the month: `opening` and the lines of all pages.'),
    digest: Nullable(
      Type.String({
        description:
          'Of a locked month: SHA-256, in hexadecimal, of the digest of the statement before, a newline, and the CSV. Null: the statement is not stored yet, or the month is open.',
      }),
    ),
    lines: Type.Array(ref(StatementLine), { description: 'By day, then by deal.' }),
  },
  { $id: 'Statement', description: 'What a month of the ledger says of a partner.' },
)
export type Statement = Static<typeof Statement>

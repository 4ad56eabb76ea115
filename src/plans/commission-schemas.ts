import { type Static, Type } from '@sinclair/typebox'
import { Cause } from '../record/schemas.ts'
import { Currency, describe, Id, Listing, Money, Nullable, ref, Timestamp } from '../values/schemas.ts'
import { CommissionRule } from './schemas.ts'

const commission = describe(Money, 'What the deal owes to all partners together.')

const version = {
  version: Type.Integer({
    description:
      'A change of the split or of the plan adds 1. 0: recorded by a release without commissions; the plan is `full`.',
  }),
  split_version: Type.Integer({ description: 'The version of the split.' }),
  plan_id: describe(Id, 'The commission plan of the deal.'),
  plan_version: Nullable(
    Type.Integer({
      description:
        'The version of the plan. Null: none was in force on `closed_on`, so that nothing is owed.',
    }),
  ),
  currency: Currency,
  commission,
  calculated_at: describe(Timestamp, 'When it was computed.'),
}

export const OwedCommission = Type.Object(
  {
    partner_id: Id,
    partner_name: Type.String({ description: 'The current name of the partner.' }),
    payout: describe(Money, "The partner's part of the amount of the deal."),
    commission: describe(Money, 'What the company owes the partner for it.'),
  },
  { $id: 'OwedCommission' },
)
export type OwedCommission = Static<typeof OwedCommission>

export const ExplainedCommission = Type.Object(
  {
    partner_id: Id,
    rule_number: Nullable(
      Type.Integer({ description: 'The place of the rule in the plan, from 1. Null: no rule fits.' }),
    ),
    rule: Type.Optional(ref(CommissionRule)),
    partner_group: Nullable(
      Type.String({
        description: 'The group of the partner that the plan read. Null: none, or no rule asks for groups.',
      }),
    ),
    quota: Type.String({
      description:
        'What the partner earns before rounding, in minor units, as a whole number or an exact fraction.',
    }),
    odd_unit: Nullable(
      Type.String({
        description:
          'Why the partner got a minor unit that was left after rounding: `largest remainder`, `higher payout` or `lower partner id`. Null: it got none.',
      }),
    ),
    sentence: Type.String({ description: 'The commission in a sentence for the partner.' }),
  },
  { $id: 'ExplainedCommission', description: 'Why a deal owes a partner its commission.' },
)
export type ExplainedCommission = Static<typeof ExplainedCommission>

export const DealCommission = Type.Object(
  {
    deal_id: Id,
    ...version,
    lines: Type.Array(ref(OwedCommission), {
      description: 'Highest payout first, then by partner id. The commissions add up to `commission`.',
    }),
    explanation: Type.Optional(
      Type.Array(ref(ExplainedCommission), { description: 'For each line, in the same order.' }),
    ),
  },
  { $id: 'DealCommission', description: 'What a deal owes its partners.' },
)
export type DealCommission = Static<typeof DealCommission>

export const CommissionVersion = Type.Object({ ...version, cause: ref(Cause) }, { $id: 'CommissionVersion' })
export type CommissionVersion = Static<typeof CommissionVersion>

export const CommissionHistory = Listing(
  { versions: Type.Array(ref(CommissionVersion)) },
  { $id: 'CommissionHistory' },
)

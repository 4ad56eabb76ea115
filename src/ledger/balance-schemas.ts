import { type Static, Type } from '@sinclair/typebox'
import { Currency, describe, Id, Money, ref } from '../values/schemas.ts'

export const CurrencyBalance = Type.Object(
  {
    currency: Currency,
    payable: describe(Money, 'What the company owes the partner: `pending` and `available`.'),
    pending: describe(Money, 'The part that waits for the end of the hold of its plan.'),
    available: describe(Money, 'The part that could be paid. Negative: the partner got too much.'),
  },
  { $id: 'CurrencyBalance' },
)
export type CurrencyBalance = Static<typeof CurrencyBalance>

export const Balance = Type.Object(
  {
    partner_id: Id,
    balances: Type.Array(ref(CurrencyBalance), {
      description: 'For each currency in which something was ever posted, by currency.',
    }),
  },
  { $id: 'Balance', description: 'What the company owes a partner today.' },
)
export type Balance = Static<typeof Balance>

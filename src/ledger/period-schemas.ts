import { type Static, Type } from '@sinclair/typebox'
import {
  Currency,
  describe,
  Listing,
  Matching,
  Money,
  Nullable,
  ref,
  Strict,
  Timestamp,
} from '../values/schemas.ts'
import { Month } from './statement-schemas.ts'

const digest = Matching('^[0-9a-f]{64}$', 'must be 64 hexadecimal digits in lower case', {
  description:
    'SHA-256 of the moves of the month, in hexadecimal. It changes with every move that is posted to the month.',
})

export const PeriodTotal = Type.Object(
  {
    currency: Currency,
    amount: describe(Money, 'What the moves of the month add to what is payable to all partners.'),
  },
  { $id: 'PeriodTotal' },
)

export const Period = Type.Object(
  {
    month: Month,
    is_locked: Type.Boolean({ description: 'Whether the month is locked: no move is ever added to it.' }),
    locked_at: Nullable(describe(Timestamp, 'When it was locked.')),
    locked_by: Nullable(Type.String({ description: 'The id of the API key that locked it.' })),
    frozen_at: Nullable(
      describe(Timestamp, 'When its statements were stored, by a job that follows the lock.'),
    ),
    moves_count: Type.Integer({ description: 'How many moves the month has.' }),
    digest,
    totals: Type.Array(ref(PeriodTotal), { description: 'By currency.' }),
  },
  { $id: 'Period', description: 'A month of the ledger.' },
)
export type Period = Static<typeof Period>

export const LockedPeriod = Type.Omit(Period, ['totals', 'is_locked'], {
  $id: 'LockedPeriod',
  description: 'A locked month.',
})

export const PeriodPage = Listing({ periods: Type.Array(ref(LockedPeriod)) }, { $id: 'PeriodPage' })

export const PeriodLock = Strict(
  {
    expected_digest: Type.Optional(
      describe(
        digest,
        'The digest that was checked. If the month has another one now, it is not locked (409).',
      ),
    ),
  },
  { $id: 'PeriodLock' },
)
export type PeriodLock = Static<typeof PeriodLock>

export const PeriodAnswer = Type.Object({ period: ref(Period) }, { $id: 'PeriodAnswer' })

/** Money that goes from one account to another. */
export interface MoveRow {
  /** A move of no deal carries its source_id here. */
  deal_id: string
  source: 'commission' | 'adjustment'
  source_id: string
  /** Of a commission: its version. */
  source_version: number
  line: number
  kind: 'earned' | 'adjusted' | 'manual'
  partner_id: string
  currency: string
  debit: Account
  credit: Account
  amount_minor: bigint
  /** The first day of its month. */
  period: string
  effective_on: string
  /** The amount is pending before this day. */
  available_on: string
  posted_at: string
}

type Account = 'expense' | 'payable'

/** A locked month. */
export interface PeriodRow {
  /** Its first day. */
  month: string
  moves_count: bigint
  digest: Buffer
  locked_at: string
  locked_by: string | null
}

/** The stored statement of a locked month. */
export interface StatementRow {
  partner_id: string
  currency: string
  /** The first day of the month. */
  month: string
  /** Whole numbers: sums may exceed those of bigint. */
  opening_minor: string
  closing_minor: string
  csv: string
  digest: Buffer
}

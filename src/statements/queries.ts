import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../http/money.ts'
import type { Statement, StatementChange } from './schemas.ts'

export type StatementQuery = Pick<Statement, 'partner_id' | 'month' | 'currency' | 'as_of'>

interface Line {
  deal_id: string
  closed_date: string
  version: number
  percentage_bp: number
  payout_minor: bigint
  changes: (Omit<StatementChange, 'payout'> & { payout_minor: number })[]
}

/** The deals that closed in a month and credit a partner, as they stand or as they stood at an instant. */
export async function findStatement(db: Kysely<Database>, query: StatementQuery): Promise<Statement> {
  const { partner_id, month, currency, as_of } = query
  const starts = `${month}-01T00:00:00Z`
  const recordedBy = as_of ?? 'infinity'
  // A deal's versions follow one another in time, so the next one alone tells whether a version stands.
  const { rows } = await sql<Line>`
    select payouts.deal_id, payouts.closed_date, payouts.version, payouts.percentage_bp, payouts.payout_minor,
      (select json_agg(json_build_object('version', past.version, 'reason', past.reason,
          'calculated_at', past.calculated_at, 'payout_minor', coalesce(paid.payout_minor, 0)) order by past.version)
        from attributions as past left join payouts as paid on paid.deal_id = past.deal_id
          and paid.version = past.version and paid.partner_id = payouts.partner_id
        where past.deal_id = payouts.deal_id and past.version <= payouts.version) as changes
    from payouts join attributions on attributions.deal_id = payouts.deal_id
      and attributions.version = payouts.version and attributions.calculated_at <= ${recordedBy}
    where payouts.partner_id = ${partner_id} and payouts.currency = ${currency}
      and payouts.closed_date >= ${starts}
      and payouts.closed_date < (${starts}::timestamptz at time zone 'UTC' + interval '1 month') at time zone 'UTC'
      and not exists (
        select from attributions as next where next.deal_id = payouts.deal_id
          and next.version = payouts.version + 1 and next.calculated_at <= ${recordedBy})
    order by payouts.closed_date, payouts.deal_id`.execute(db)
  const total = rows.reduce((sum, { payout_minor }) => sum + payout_minor, 0n)
  return { ...query, lines: rows.map((row) => toLine(row, currency)), total_payout: toMajor(total, currency) }
}

function toLine({ percentage_bp, payout_minor, changes, ...line }: Line, currency: string) {
  return {
    ...line,
    percentage: percentage_bp / 100,
    payout: toMajor(payout_minor, currency),
    changes: changes.map(({ payout_minor, calculated_at, ...change }) => ({
      ...change,
      calculated_at: new Date(calculated_at).toISOString(),
      payout: toMajor(BigInt(payout_minor), currency),
    })),
  }
}

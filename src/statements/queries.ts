import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../http/money.ts'
import type { Statement, StatementChange } from './schemas.ts'

export type StatementQuery = Pick<Statement, 'partner_id' | 'month' | 'currency' | 'as_of'>

interface Line extends Change {
  deal_id: string
  closed_date: string
  percentage_bp: number
  earlier: Change[] | null
}

type Change = Omit<StatementChange, 'payout'> & { payout_minor: bigint | number }

/** The deals that closed in a month and credit a partner, as they stand or as they stood at an instant. */
export async function findStatement(db: Kysely<Database>, query: StatementQuery): Promise<Statement> {
  const { partner_id, month, currency, as_of } = query
  const starts = `${month}-01T00:00:00Z`
  const recordedBy = as_of ?? 'infinity'
  // A deal's versions follow one another in time, so the next one alone tells whether a version stands.
  const { rows } = await sql<Line>`
    select payouts.deal_id, payouts.closed_date, payouts.percentage_bp, payouts.version, reason, calculated_at, payout_minor,
      case when payouts.version > 1 then (
        select json_agg(json_build_object('version', past.version, 'reason', past.reason,
          'calculated_at', past.calculated_at, 'payout_minor', coalesce(paid.payout_minor, 0)) order by past.version)
        from attributions as past left join payouts as paid on paid.deal_id = past.deal_id
          and paid.version = past.version and paid.partner_id = payouts.partner_id
        where past.deal_id = payouts.deal_id and past.version < payouts.version
      ) end as earlier
    from payouts join attributions on attributions.deal_id = payouts.deal_id
      and attributions.version = payouts.version and attributions.calculated_at <= ${recordedBy}
    where payouts.partner_id = ${partner_id} and payouts.currency = ${currency}
      and payouts.closed_date >= ${starts}
      and payouts.closed_date < (${starts}::timestamptz at time zone 'UTC' + interval '1 month') at time zone 'UTC'
      and not exists (
        select from attributions as next where next.deal_id = payouts.deal_id
          and next.version = payouts.version + 1 and next.calculated_at <= ${recordedBy})
    order by payouts.closed_date, payouts.deal_id`.execute(db)
  const total = rows.reduce((sum, { payout_minor }) => sum + BigInt(payout_minor), 0n)
  return { ...query, lines: rows.map((row) => toLine(row, currency)), total_payout: toMajor(total, currency) }
}

function toLine({ deal_id, closed_date, percentage_bp, earlier, ...last }: Line, currency: string) {
  const changes = [...(earlier ?? []), last].map(({ payout_minor, calculated_at, ...change }) => ({
    ...change,
    calculated_at: new Date(calculated_at).toISOString(),
    payout: toMajor(BigInt(payout_minor), currency),
  }))
  return {
    deal_id,
    closed_date,
    version: last.version,
    percentage: percentage_bp / 100,
    payout: toMajor(BigInt(last.payout_minor), currency),
    changes,
  }
}

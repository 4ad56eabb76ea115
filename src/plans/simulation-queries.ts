import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { closedWithin } from '../deals/period-queries.ts'
import type { DealRow } from '../record/schemas.ts'
import type { Days } from '../values/periods.ts'

/** A share of a deal's current split, and what the deal owes for it. */
type EarnedShare = readonly [partner_id: string, payout_minor: number, role: string, commission_minor: number]

export type PlannedDeal = Pick<
  DealRow,
  'id' | 'closed_date' | 'closed_on' | 'amount_minor' | 'refunded_minor' | 'currency' | 'attribution_model'
> & { readonly shares: readonly EarnedShare[] }

interface PeriodQuery extends Days {
  readonly currency: string
}

interface BatchQuery extends PeriodQuery {
  /** The last deal of the previous batch. */
  readonly after: Pick<DealRow, 'id' | 'closed_date'> | undefined
  readonly limit: number
}

/** The number of deals in a period that are not void; stops counting above `most`. */
export async function countDeals(db: Kysely<Database>, period: PeriodQuery, most: number): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count from (
      select from deals where ${isWithin(period)} limit ${most + 1}
    ) as counted`.execute(db)
  return Number(rows[0]?.count)
}

/** Deals of a period with the shares of their current splits, by close. */
export async function listPlannedDeals(
  db: Kysely<Database>,
  { after, limit, ...period }: BatchQuery,
): Promise<readonly PlannedDeal[]> {
  const isAfter = after
    ? sql`(closed_date, id) > (${after.closed_date}::timestamptz, ${after.id})`
    : sql`true`
  // JSON numbers are exact: payouts are below 2^53.
  const { rows } = await sql<PlannedDeal>`
    select id, closed_date, closed_on, amount_minor, refunded_minor, currency, attribution_model, (
      select coalesce(json_agg(json_build_array(shares.partner_id, payout_minor, role,
        coalesce(commission_minor, payout_minor))), '[]'::json)
      from shares left join commission_lines on commission_lines.deal_id = deals.id
        and commission_lines.version = deals.commission_version and commission_lines.partner_id = shares.partner_id
      where shares.deal_id = deals.id and shares.version = deals.version
    ) as shares
    from deals where ${isWithin(period)} and ${isAfter}
    order by closed_date, id limit ${limit}`.execute(db)
  return rows
}

function isWithin({ currency, ...days }: PeriodQuery) {
  return sql`voided_at is null and currency = ${currency} and ${closedWithin(days)}`
}

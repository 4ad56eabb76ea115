import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { all, closedWithin } from '../deals/period-queries.ts'
import type { SplitRow } from '../record/schemas.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { Days } from '../values/periods.ts'
import type { DealAttribution } from './bulk-schemas.ts'
import { countFitting } from './history-queries.ts'
import { toAttribution } from './queries.ts'

export interface SplitFilter {
  readonly days: Days
  readonly currency?: string
  /** Only deals that credit this partner. */
  readonly partner_id?: string
}

interface ListedDeal {
  readonly id: string
  readonly closed_date: string
  readonly closed_on: string | null
  readonly version: number
  readonly shares: bigint
}

/** Current splits of the deals of a period, oldest close first; a page with many shares has fewer deals than its limit. */
export async function listSplits(db: Kysely<Database>, filter: SplitFilter, query: PageQuery) {
  const start = readPageStart(query, 2)
  const deals = await listDeals(db, filter, { limit: start.limit + 1, after: start.key })
  const fitting = { ...start, limit: Math.min(countFitting(deals), start.limit) }
  const { page, pagination } = toPage(deals, fitting, ({ closed_date, id }) => [closed_date, id])
  return { attributions: await readSplits(db, page), pagination: { ...pagination, limit: start.limit } }
}

interface DealPage {
  readonly limit: number
  /** The close and the id of the last deal of the previous page. */
  readonly after: readonly string[] | undefined
}

async function listDeals(db: Kysely<Database>, { partner_id, ...filter }: SplitFilter, page: DealPage) {
  const listed =
    partner_id === undefined ? selectDeals(filter, page) : selectDealsOf(partner_id, filter, page)
  const { rows } = await sql<ListedDeal>`
    select listed.*, (
      select count(*) from shares where shares.deal_id = listed.id and shares.version = listed.version
    ) as shares
    from (${listed}) as listed order by closed_date, id`.execute(db)
  return rows
}

function selectDeals({ days, currency }: SplitFilter, { limit, after }: DealPage): RawBuilder<unknown> {
  const isListed = all(
    sql`voided_at is null`,
    currency !== undefined && sql`currency = ${currency}`,
    closedWithin(days),
    after !== undefined && sql`(closed_date, id) > (${after[0]}::timestamptz, ${after[1]})`,
  )
  return sql`
    select id, closed_date, closed_on, version from deals where ${isListed} order by closed_date, id limit ${limit}`
}

// The index of a partner's shares begins with their currency, so the deals of each currency are read in turn. `limit 1`
// makes the planner read each deal by its key.
function selectDealsOf(
  partnerId: string,
  { days, currency }: SplitFilter,
  { limit, after }: DealPage,
): RawBuilder<unknown> {
  const ofPartner = sql`shares.partner_id = ${partnerId}`
  const currencies =
    currency === undefined
      ? sql`select min(currency) as currency from shares where ${ofPartner}
          union all
          select (select min(currency) from shares where ${ofPartner} and currency > currencies.currency)
          from currencies where currencies.currency is not null`
      : sql`select ${currency}::text as currency`
  const isListed = all(
    closedWithin(days, sql.ref('shares.closed_date')),
    after !== undefined &&
      sql`(shares.closed_date, shares.deal_id) > (${after[0]}::timestamptz, ${after[1]})`,
  )
  return sql`
    with recursive currencies as (${currencies})
    select oldest.* from currencies cross join lateral (
      select deals.* from shares cross join lateral (
        select id, closed_date, closed_on, version from deals
        where id = shares.deal_id and version = shares.version limit 1
      ) as deals
      where ${ofPartner} and shares.currency = currencies.currency and ${isListed}
      order by shares.closed_date, shares.deal_id limit ${limit}
    ) as oldest
    order by closed_date, id limit ${limit}`
}

/** The splits of these versions. Versions never change, so each is as it was when it was listed. */
async function readSplits(db: Kysely<Database>, deals: readonly ListedDeal[]): Promise<DealAttribution[]> {
  const ids = deals.map(({ id }) => id)
  const versions = deals.map(({ version }) => version)
  // `limit 1` makes the planner read each version by its key.
  const { rows } = await sql<SplitRow>`
    select splits.* from unnest(${ids}::text[], ${versions}::integer[]) with ordinality as listed (deal_id, version, place)
    cross join lateral (
      select * from attributions_with_shares as splits
      where splits.deal_id = listed.deal_id and splits.version = listed.version limit 1
    ) as splits
    order by place`.execute(db)
  return rows.map((row, n) => ({ ...toAttribution(row), closed_on: dayOf(deals[n] as ListedDeal) }))
}

// A deal of an earlier release counts on its day in UTC until a job fills in its day.
function dayOf({ closed_on, closed_date }: ListedDeal): string {
  return closed_on ?? closed_date.slice(0, 10)
}

import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { listedColumns } from '../events/queries.ts'
import type { Bounds } from '../values/periods.ts'
import { all, closedWithin } from './period-queries.ts'
import { toMajor } from '../values/money.ts'
import { type PageQuery, type PageStart, readPageStart, toPage } from '../values/pagination.ts'
import { type DealRow, netOf } from '../record/schemas.ts'
import type { Deal, ListedDeal } from './schemas.ts'

export function findDeal(db: Kysely<Database>, id: string): Promise<DealRow | undefined> {
  return db.selectFrom('deals').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The deals with these ids, by id. */
export async function listRows(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, DealRow>> {
  const rows = await db
    .selectFrom('deals')
    .selectAll()
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}

/** The digests of the submissions of the deals with these ids, by id. */
export async function listSubmissions(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> {
  const rows = await db
    .selectFrom('deals')
    .select(['id', 'submission'])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map(({ id, submission }) => [id, submission]))
}

export interface DealFilter extends PageQuery {
  readonly attribution_model?: Deal['attribution_model']
  readonly partner_id?: string
  readonly currency?: string
  readonly closed: Bounds
}

/** Deals, newest close first; with `partner_id`, only deals that this partner touched or has an agreed percentage of. */
export async function listDeals(db: Kysely<Database>, { partner_id, ...filter }: DealFilter) {
  const start = readPageStart(filter, 2)
  const rows =
    partner_id === undefined
      ? await selectDeals(db, filter, start)
      : await selectDealsOf(db, { partnerId: partner_id, filter, start })
  const { page, pagination } = toPage(rows, start, ({ closed_date, id }) => [closed_date, id])
  return { deals: page.map(toListed), pagination }
}

type Filter = Omit<DealFilter, 'partner_id'>

// Without metadata: a page of 1,000 deals with 16 kB each would take too much memory.
const listedDealColumns = [
  'id',
  'name',
  'amount_minor',
  'refunded_minor',
  'currency',
  'closed_date',
  'closed_all_day',
  'closed_on',
  'attribution_model',
  'model_parameters',
  'commission_plan_id',
  'commission_plan_version',
  'version',
  'voided_at',
  'void_reason',
  'created_at',
  'updated_at',
] as const
const columnsOfDeals = sql.join(listedDealColumns.map((column) => sql.ref(`deals.${column}`)))

type ListedRow = Pick<DealRow, (typeof listedDealColumns)[number]>

function selectDeals(
  db: Kysely<Database>,
  { attribution_model, currency, closed }: Filter,
  { limit, offset, key }: PageStart,
): Promise<ListedRow[]> {
  let query = db
    .selectFrom('deals')
    .select(listedDealColumns)
    .where(closedWithin(closed))
    .orderBy('closed_date', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .offset(offset ?? 0)
  if (attribution_model !== undefined) query = query.where('attribution_model', '=', attribution_model)
  if (currency !== undefined) query = query.where('currency', '=', currency)
  if (key !== undefined)
    query = query.where(sql<boolean>`(closed_date, id) < (${key[0]}::timestamptz, ${key[1]})`)
  return query.execute()
}

interface PartnerDealQuery {
  readonly partnerId: string
  readonly filter: Filter
  readonly start: PageStart
}

// One index serves every filter on a partner's deals: a skip scan over its few pairs of currency and model, which takes
// the newest deals of each pair.
async function selectDealsOf(
  db: Kysely<Database>,
  { partnerId, filter, start }: PartnerDealQuery,
): Promise<ListedRow[]> {
  const { attribution_model, currency, closed } = filter
  const { limit, offset, key } = start
  const kinds = all(
    currency !== undefined && sql`kinds.currency = ${currency}`,
    attribution_model !== undefined && sql`kinds.attribution_model = ${attribution_model}`,
  )
  const within = all(
    closedWithin(closed, sql.ref('partner_deals.closed_date')),
    key !== undefined && sql`(partner_deals.closed_date, deal_id) < (${key[0]}::timestamptz, ${key[1]})`,
  )
  const hasDays = closed.first !== undefined || closed.last !== undefined
  const ofDeals = hasDays ? sql`join deals on deals.id = deal_id` : sql``
  const skipped = offset ?? 0
  const { rows } = await sql<ListedRow>`
    with recursive kinds as (
      (select currency, attribution_model from partner_deals where partner_id = ${partnerId}
        order by currency, attribution_model limit 1)
      union all
      select next.* from kinds cross join lateral (
        select currency, attribution_model from partner_deals
        where partner_id = ${partnerId} and (currency, attribution_model) > (kinds.currency, kinds.attribution_model)
        order by currency, attribution_model limit 1
      ) as next
    ), listed as (
      select newest.* from kinds cross join lateral (
        select partner_deals.closed_date, deal_id from partner_deals ${ofDeals}
        where partner_id = ${partnerId} and partner_deals.currency = kinds.currency
          and partner_deals.attribution_model = kinds.attribution_model and ${within}
        order by partner_deals.closed_date desc, deal_id desc limit ${skipped + limit + 1}
      ) as newest
      where ${kinds} order by closed_date desc, deal_id desc limit ${limit + 1} offset ${skipped}
    )
    select ${columnsOfDeals} from listed join deals on deals.id = deal_id
    order by listed.closed_date desc, listed.deal_id desc`.execute(db)
  return rows
}

/** The first events of a deal with the names of their partners, oldest first. */
export function listFirstEvents(db: Kysely<Database>, dealId: string, limit: number) {
  return db
    .selectFrom('events')
    .innerJoin('partners', 'partners.id', 'events.partner_id')
    .select([...listedColumns, 'partners.name as partner_name'])
    .where('deal_id', '=', dealId)
    .orderBy('timestamp')
    .orderBy('events.id')
    .limit(limit)
    .execute()
}

export async function countEvents(db: Kysely<Database>, dealId: string): Promise<number> {
  const { count } = await db
    .selectFrom('events')
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .where('deal_id', '=', dealId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** The three amounts of a deal, in units of its currency. */
export function toAmounts(row: Pick<DealRow, 'amount_minor' | 'refunded_minor' | 'currency'>) {
  return {
    amount: toMajor(row.amount_minor, row.currency),
    refunded_amount: toMajor(row.refunded_minor, row.currency),
    net_amount: toMajor(netOf(row), row.currency),
  }
}

/** The deal as the API returns it: the amount in units of its currency, without internal columns. */
export function toDeal({
  closed_until: _,
  submission: __,
  is_plan_named: ___,
  commission_version: ____,
  metadata,
  ...row
}: DealRow): Deal {
  return { ...toListed(row), metadata }
}

function toListed({ amount_minor, refunded_minor, ...deal }: ListedRow): ListedDeal {
  // A deal of an earlier release counts on its day in UTC until a job fills in its day.
  const closed_on = deal.closed_on ?? deal.closed_date.slice(0, 10)
  return { ...deal, closed_on, ...toAmounts({ amount_minor, refunded_minor, currency: deal.currency }) }
}

import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { listedColumns } from '../events/queries.ts'
import { toMajor } from '../values/money.ts'
import { type PageQuery, type PageStart, readPageStart, toPage } from '../values/pagination.ts'
import type { DealTerms } from '../record/schemas.ts'
import type { Deal, DealRow } from './schemas.ts'

/** A deal as a client sent it, converted to columns, with the digest of the request. */
export type DealSubmission = DealTerms & Pick<DealRow, 'id' | 'submission'>

/** Inserts the deals whose id is free, at version 1. */
export async function insertDeals(
  trx: Kysely<Database>,
  deals: readonly DealSubmission[],
): Promise<readonly DealRow[]> {
  const given = deals.map(({ amount_minor, submission, ...deal }) => ({
    ...deal,
    amount_minor: String(amount_minor),
    submission: `\\x${submission.toString('hex')}`,
  }))
  const { rows } = await sql<DealRow>`
    insert into deals
      (id, amount_minor, currency, closed_date, closed_all_day, attribution_model, model_parameters, version, submission)
    select id, amount_minor, currency, closed_date, closed_all_day, attribution_model, model_parameters, 1,
      submission
    from json_to_recordset(${JSON.stringify(given)}) as given (
      id text, amount_minor bigint, currency text, closed_date timestamptz, closed_all_day boolean,
      attribution_model text, model_parameters jsonb, submission bytea
    )
    on conflict (id) do nothing
    returning *`.execute(trx)
  return rows
}

/** The deals that exist, by id. */
export async function listDealsByIds(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, DealRow>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('deals')
    .selectAll()
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map((row) => [row.id, row]))
}

export function findDeal(db: Kysely<Database>, id: string): Promise<DealRow | undefined> {
  return db.selectFrom('deals').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function updateTerms(trx: Kysely<Database>, id: string, terms: DealTerms): Promise<void> {
  await trx
    .updateTable('deals')
    .set({
      ...terms,
      model_parameters: sql`${JSON.stringify(terms.model_parameters)}::jsonb`,
      updated_at: now,
    })
    .where('id', '=', id)
    .execute()
}

/** Marks a deal void; false if it already was. */
export async function markDealVoid(trx: Kysely<Database>, id: string, reason: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('deals')
    .set({ voided_at: now, void_reason: reason, updated_at: now })
    .where('id', '=', id)
    .where('voided_at', 'is', null)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

export interface DealFilter extends PageQuery {
  readonly attribution_model?: Deal['attribution_model']
  readonly partner_id?: string
  readonly currency?: string
  /** Closed at or after this instant. */
  readonly from?: string
  /** Closed before this instant. */
  readonly before?: string
}

/** Deals, newest close first; with `partner_id`, only deals that have a touchpoint of this partner. */
export async function listDeals(db: Kysely<Database>, { partner_id, ...filter }: DealFilter) {
  const start = readPageStart(filter, 2)
  const rows =
    partner_id === undefined
      ? await selectDeals(db, filter, start)
      : await selectDealsOf(db, { partnerId: partner_id, filter, start })
  const { page, pagination } = toPage(rows, start, ({ closed_date, id }) => [closed_date, id])
  return { deals: page.map(toDeal), pagination }
}

type Filter = Omit<DealFilter, 'partner_id'>

function selectDeals(
  db: Kysely<Database>,
  { attribution_model, currency, from, before }: Filter,
  { limit, offset, key }: PageStart,
): Promise<DealRow[]> {
  let query = db
    .selectFrom('deals')
    .selectAll()
    .orderBy('closed_date', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .offset(offset ?? 0)
  if (attribution_model !== undefined) query = query.where('attribution_model', '=', attribution_model)
  if (currency !== undefined) query = query.where('currency', '=', currency)
  if (from !== undefined) query = query.where('closed_date', '>=', from)
  if (before !== undefined) query = query.where('closed_date', '<', before)
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
): Promise<DealRow[]> {
  const { attribution_model, currency, from, before } = filter
  const { limit, offset, key } = start
  const kinds = all(
    currency !== undefined && sql`kinds.currency = ${currency}`,
    attribution_model !== undefined && sql`kinds.attribution_model = ${attribution_model}`,
  )
  const within = all(
    from !== undefined && sql`closed_date >= ${from}`,
    before !== undefined && sql`closed_date < ${before}`,
    key !== undefined && sql`(closed_date, deal_id) < (${key[0]}::timestamptz, ${key[1]})`,
  )
  const skipped = offset ?? 0
  const { rows } = await sql<DealRow>`
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
        select closed_date, deal_id from partner_deals
        where partner_id = ${partnerId} and currency = kinds.currency
          and attribution_model = kinds.attribution_model and ${within}
        order by closed_date desc, deal_id desc limit ${skipped + limit + 1}
      ) as newest
      where ${kinds} order by closed_date desc, deal_id desc limit ${limit + 1} offset ${skipped}
    )
    select deals.* from listed join deals on deals.id = deal_id
    order by listed.closed_date desc, listed.deal_id desc`.execute(db)
  return rows
}

function all(...conditions: readonly (RawBuilder<unknown> | false)[]): RawBuilder<unknown> {
  return sql.join([sql`true`, ...conditions.filter((condition) => condition !== false)], sql` and `)
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

/** The deal as the API returns it: the amount in units of its currency, without internal columns. */
export function toDeal({ amount_minor, closed_all_day: _, submission: __, ...deal }: DealRow): Deal {
  return { ...deal, amount: toMajor(amount_minor, deal.currency) }
}

const now = sql<string>`date_trunc('milliseconds', clock_timestamp())`

export async function listPartnerNames(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db
    .selectFrom('partners')
    .select(['id', 'name'])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return new Map(rows.map(({ id, name }) => [id, name]))
}

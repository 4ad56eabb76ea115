import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../http/money.ts'
import { type PageQuery, startOf, toPage } from '../http/pages.ts'
import type { Facts } from '../record/schemas.ts'
import type { Deal, DealEvent, DealRow } from './schemas.ts'

/** A deal as its client sent it, in our terms. */
export type Submission = Facts & Pick<DealRow, 'id' | 'submission'>

/** Inserts those deals whose id is free, at their first version. */
export async function insertDeals(
  trx: Kysely<Database>,
  deals: readonly Submission[],
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

/** Those of these deals that exist, by id. */
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

export async function updateFacts(trx: Kysely<Database>, id: string, facts: Facts): Promise<void> {
  await trx
    .updateTable('deals')
    .set({
      ...facts,
      model_parameters: sql`${JSON.stringify(facts.model_parameters)}::jsonb`,
      updated_at: now,
    })
    .where('id', '=', id)
    .execute()
}

/** Marks a deal void unless it is; says whether it did. */
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

/** Deals, newest close first; those that a partner has a touchpoint on, where asked. */
export async function listDeals(
  db: Kysely<Database>,
  { attribution_model, partner_id, currency, ...filter }: DealFilter,
) {
  const start = startOf(filter, 2)
  // A partner's deals stand in their own orders beside the deals, which would else be searched for them.
  const isOfPartner = partner_id !== undefined
  const list = isOfPartner ? 'partner_deals' : 'deals'
  const closedDate = sql.ref<string>(`${list}.closed_date`)
  const id = sql.ref<string>(isOfPartner ? 'partner_deals.deal_id' : 'deals.id')
  let query = db
    .selectFrom('deals')
    .$if(isOfPartner, (deals) => deals.innerJoin('partner_deals', 'partner_deals.deal_id', 'deals.id'))
    .selectAll('deals')
    .orderBy(closedDate, 'desc')
    .orderBy(id, 'desc')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (isOfPartner) query = query.where(sql<boolean>`partner_deals.partner_id = ${partner_id}`)
  if (attribution_model !== undefined) {
    query = query.where(sql.ref(`${list}.attribution_model`), '=', attribution_model)
  }
  if (currency !== undefined) query = query.where(sql.ref(`${list}.currency`), '=', currency)
  if (filter.from !== undefined) query = query.where(closedDate, '>=', filter.from)
  if (filter.before !== undefined) query = query.where(closedDate, '<', filter.before)
  if (start.key !== undefined) {
    const [lastClosed, lastId] = start.key
    query = query.where(sql<boolean>`(${closedDate}, ${id}) < (${lastClosed}::timestamptz, ${lastId})`)
  }
  const { page, pagination } = toPage(await query.execute(), start, ({ closed_date, id }) => [
    closed_date,
    id,
  ])
  return { deals: page.map(toDeal), pagination }
}

/** Events of a deal with their partners' names, oldest first. */
export function listDealEvents(db: Kysely<Database>, dealId: string): Promise<DealEvent[]> {
  return db
    .selectFrom('events')
    .innerJoin('partners', 'partners.id', 'events.partner_id')
    .selectAll('events')
    .select('partners.name as partner_name')
    .where('deal_id', '=', dealId)
    .orderBy('timestamp')
    .orderBy('events.id')
    .execute()
}

/** The deal as its clients see it: money in units of its currency, and nothing that only we need. */
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

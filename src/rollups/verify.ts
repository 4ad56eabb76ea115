import { type Kysely, type RawBuilder, type Selectable, sql, type Transaction } from 'kysely'
import { lockDeals, lockRollups } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { type Rollup, rollups } from './rollups.ts'
import { addInto, columnsOf, sumsOf, toSpans } from './sql.ts'

export interface RollupCheck {
  readonly name: string
  /** Rows that differ from the record. */
  readonly differing: number
}

/** Computes every rollup from the record and counts the rows that differ. */
export async function verifyRollups(db: Kysely<Database>): Promise<RollupCheck[]> {
  const checked: RollupCheck[] = []
  for (const rollup of rollups) {
    checked.push({ name: rollup.table, differing: await count(db, differences(rollup)) })
  }
  return [...checked, { name: 'partner_deals', differing: await count(db, wrongPartnerDeals) }]
}

/** Corrects the rows that differ from the record, while the service runs. Returns how many there were. */
export async function rebuildRollups(db: Kysely<Database>): Promise<RollupCheck[]> {
  const corrected: RollupCheck[] = []
  for (const rollup of rollups) {
    corrected.push({ name: rollup.table, differing: await correctRollup(db, rollup) })
  }
  return [...corrected, { name: 'partner_deals', differing: await correctPartnerDeals(db) }]
}

function correctRollup(db: Kysely<Database>, rollup: Rollup): Promise<number> {
  return untimed(db, async (trx) => {
    await lockRollups(trx)
    const { numAffectedRows = 0n } = await addInto(rollup, differences(rollup)).execute(trx)
    return Number(numAffectedRows)
  })
}

// The record minus the rollup minus the deltas that are not folded yet.
function differences(rollup: Rollup): RawBuilder<unknown> {
  const { table, source, keys, sums } = rollup
  const columns = columnsOf(keys)
  const negated = sql.join(sums.map((name) => sql`-${sql.ref(name)} as ${sql.ref(name)}`))
  const isOff = sql.join(
    sums.map((name) => sql`sum(${sql.ref(name)}) <> 0`),
    sql` or `,
  )
  return sql`
    with days as (
      select day, ${columns}, ${sumsOf(rollup)} from ${sql.table(`${source}_figures`)} group by day, ${columns}
    ), unfolded as (
      select day, ${columns}, ${negated} from ${sql.table(`${source}_deltas`)}
    ), parts as (
      select * from ${toSpans(rollup, sql`days`)}
      union all select * from ${toSpans(rollup, sql`unfolded`)}
      union all select span, starts, ${columns}, ${negated} from ${sql.table(table)}
    )
    select span, starts, ${columns}, ${sumsOf(rollup)} from parts
    group by span, starts, ${columns} having ${isOff} order by span, starts`
}

const partnerDealColumns = sql`partner_id, currency, attribution_model, closed_date, deal_id`
// A deal is listed under the partners that touched it and under those that it credits by agreement.
const recordedPartnerDeals = sql`
  select ${partnerDealColumns} from (
    select partner_id, currency, attribution_model, closed_date, deal_id from events join deals on deals.id = deal_id
    union select share ->> 'partner_id', currency, attribution_model, closed_date, id
    from deals cross join jsonb_array_elements(model_parameters -> 'shares') as share
  ) as recorded`
const listedPartnerDeals = sql`select ${partnerDealColumns} from partner_deals`
const wrongPartnerDeals = sql`
  (${recordedPartnerDeals} except ${listedPartnerDeals}) union (${listedPartnerDeals} except ${recordedPartnerDeals})`

const foundAtOnce = 100_000
const dealsAtOnce = 500

type PartnerDeal = Selectable<Database['partner_deals']>

async function correctPartnerDeals(db: Kysely<Database>): Promise<number> {
  let corrected = 0
  for (let isMore = true; isMore;) {
    const { rows } = await untimed(db, (trx) =>
      sql<PartnerDeal>`${wrongPartnerDeals} limit ${foundAtOnce}`.execute(trx),
    )
    for (let start = 0; start < rows.length; start += dealsAtOnce) {
      await relist(db, rows.slice(start, start + dealsAtOnce))
    }
    corrected += rows.length
    isMore = rows.length === foundAtOnce
  }
  return corrected
}

// The rows may be correct by now, so they are deleted and inserted again under the locks of their deals.
async function relist(db: Kysely<Database>, wrong: readonly PartnerDeal[]): Promise<void> {
  const dealIds = wrong.map(({ deal_id }) => deal_id)
  await untimed(db, async (trx) => {
    await lockDeals(trx, dealIds)
    await sql`
      delete from partner_deals where (${partnerDealColumns}) in (
        select ${partnerDealColumns} from json_populate_recordset(null::partner_deals, ${JSON.stringify(wrong)}))`.execute(
      trx,
    )
    await sql`
      insert into partner_deals (${partnerDealColumns})
      ${recordedPartnerDeals} where deal_id = any (${dealIds}::text[]) on conflict do nothing`.execute(trx)
  })
}

function count(db: Kysely<Database>, rows: RawBuilder<unknown>): Promise<number> {
  return untimed(db, async (trx) => {
    const { rows: counted } = await sql<{ count: number }>`
      select count(*)::int as count from (${rows}) as counted`.execute(trx)
    return counted[0]?.count ?? 0
  })
}

// A statement over the whole record may take minutes. Each statement runs in a transaction of its own, so no snapshot is
// held longer than one statement.
function untimed<Result>(
  db: Kysely<Database>,
  work: (trx: Transaction<Database>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (trx) => {
    await sql`set local statement_timeout = 0; set local lock_timeout = 0`.execute(trx)
    return work(trx)
  })
}

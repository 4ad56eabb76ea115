import { type Kysely, type RawBuilder, type Selectable, sql, type Transaction } from 'kysely'
import { lockDeals, lockRollups } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { type Rollup, rollups } from './rollups.ts'
import { addInto, columnsOf, sumsOf, toSpans } from './sql.ts'

export interface Checked {
  readonly name: string
  /** Rows that are not what the record says. */
  readonly differing: number
}

/** Works every figure out from the record, beside the live ones, and counts those that differ. */
export async function verifyRollups(db: Kysely<Database>): Promise<Checked[]> {
  const checked: Checked[] = []
  for (const rollup of rollups) {
    checked.push({ name: rollup.table, differing: await count(db, differences(rollup)) })
  }
  return [...checked, { name: 'partner_deals', differing: await count(db, wrongPartnerDeals) }]
}

/** Makes every figure what the record says, while the service runs: only rows that differ are written. */
export async function rebuildRollups(db: Kysely<Database>): Promise<Checked[]> {
  const mended: Checked[] = []
  for (const rollup of rollups) {
    mended.push({ name: rollup.table, differing: await mendRollup(db, rollup) })
  }
  return [...mended, { name: 'partner_deals', differing: await mendPartnerDeals(db) }]
}

function mendRollup(db: Kysely<Database>, rollup: Rollup): Promise<number> {
  return untimed(db, async (trx) => {
    await lockRollups(trx)
    const { numAffectedRows = 0n } = await addInto(rollup, differences(rollup)).execute(trx)
    return Number(numAffectedRows)
  })
}

// What the record says, less the rollup, less what is still to be folded into it.
function differences(rollup: Rollup): RawBuilder<unknown> {
  const { table, figures, keys, sums } = rollup
  const columns = columnsOf(keys)
  const negated = sql.join(sums.map((name) => sql`-${sql.ref(name)} as ${sql.ref(name)}`))
  const isOff = sql.join(
    sums.map((name) => sql`sum(${sql.ref(name)}) <> 0`),
    sql` or `,
  )
  return sql`
    with hours as (
      select hour, ${columns}, ${sumsOf(rollup)} from ${sql.table(`${figures}_figures`)} group by hour, ${columns}
    ), unfolded as (
      select hour, ${columns}, ${negated} from ${sql.table(`${figures}_deltas`)}
    ), parts as (
      select * from ${toSpans(rollup, sql`hours`)}
      union all select * from ${toSpans(rollup, sql`unfolded`)}
      union all select span, starts, ${columns}, ${negated} from ${sql.table(table)}
    )
    select span, starts, ${columns}, ${sumsOf(rollup)} from parts
    group by span, starts, ${columns} having ${isOff} order by span, starts`
}

const partnerDealColumns = sql`partner_id, currency, attribution_model, closed_date, deal_id`
const recordedPartnerDeals = sql`
  select distinct ${partnerDealColumns} from events join deals on deals.id = deal_id`
const listedPartnerDeals = sql`select ${partnerDealColumns} from partner_deals`
const wrongPartnerDeals = sql`
  (${recordedPartnerDeals} except ${listedPartnerDeals}) union (${listedPartnerDeals} except ${recordedPartnerDeals})`

const foundAtOnce = 100_000
const dealsAtOnce = 500

type PartnerDeal = Selectable<Database['partner_deals']>

async function mendPartnerDeals(db: Kysely<Database>): Promise<number> {
  let mended = 0
  for (let isMore = true; isMore;) {
    const { rows } = await untimed(db, (trx) =>
      sql<PartnerDeal>`${wrongPartnerDeals} limit ${foundAtOnce}`.execute(trx),
    )
    for (let start = 0; start < rows.length; start += dealsAtOnce) {
      await relist(db, rows.slice(start, start + dealsAtOnce))
    }
    mended += rows.length
    isMore = rows.length === foundAtOnce
  }
  return mended
}

// By now the rows may be right: under the locks of their deals they are taken out and written again.
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

// Over everything that was ever recorded a statement may take minutes. Each sees one snapshot, and none is held longer.
function untimed<Result>(
  db: Kysely<Database>,
  work: (trx: Transaction<Database>) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (trx) => {
    await sql`set local statement_timeout = 0; set local lock_timeout = 0`.execute(trx)
    return work(trx)
  })
}

import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Database } from '../database/tables.ts'

interface LedgerCheck {
  readonly name: string
  readonly wrong: number
}

/** Checks what must hold for the ledger at any time. */
export async function verifyLedger(db: Kysely<Database>): Promise<readonly LedgerCheck[]> {
  const checked: LedgerCheck[] = []
  for (const [name, wrong] of Object.entries(checks)) checked.push({ name, wrong: await count(db, wrong) })
  return checked
}

const signed = sql`case credit when 'payable' then amount_minor else -amount_minor end`

/** Each selects what is wrong. */
const checks: Readonly<Record<string, RawBuilder<unknown>>> = {
  'deals that have posted nothing yet': sql`select from deals where commission_version = 0`,
  'deals that have not posted what they owe': sql`
    select from (
      select deal_id, partner_id, currency, ${signed} as minor from ledger_moves where source = 'commission'
      union all
      select deals.id, partner_id, currency, -commission_minor
      from deals join commission_lines on deal_id = id and commission_lines.version = commission_version
    ) as sides
    group by deal_id, partner_id, currency having sum(minor) <> 0`,
  'void deals that owe something': sql`
    select from ledger_moves
    where source = 'commission' and exists (select from deals where id = deal_id and voided_at is not null)
    group by deal_id, partner_id, currency having sum(${signed}) <> 0`,
  'locked months that have changed': sql`
    select from periods
    where digest <> ledger_digest(month)
      or moves_count <> (select count(*) from ledger_moves where period = month)`,
  'stored statements that do not follow from the one before': sql`
    select from (
      select partner_id, currency, month, opening_minor, closing_minor, csv, digest,
        lag(closing_minor, 1, 0) over earlier as closing_before, lag(encode(digest, 'hex'), 1, '') over earlier as digest_before
      from statements window earlier as (partition by partner_id, currency order by month)
    ) as chain
    where opening_minor <> closing_before or digest <> sha256(convert_to(digest_before || chr(10) || csv, 'UTF8'))`,
  'stored statements that do not add up': sql`
    select from statements full join (
      select partner_id, currency, period as month, sum(${signed}) as minor from ledger_moves
      where period in (select month from frozen_months) group by partner_id, currency, period
    ) as months using (partner_id, currency, month)
    where closing_minor - opening_minor is distinct from coalesce(minor, 0)`,
  'moves before the month of their fact': sql`
    select from ledger_moves where period < date_trunc('month', effective_on::timestamp)`,
}

/** Without the time limit of requests: each check reads the whole ledger. */
function count(db: Kysely<Database>, wrong: RawBuilder<unknown>): Promise<number> {
  return db.transaction().execute(async (trx) => {
    await sql`set local statement_timeout = 0`.execute(trx)
    const { rows } = await sql<{ count: bigint }>`select count(*) from (${wrong}) as wrong`.execute(trx)
    return Number(rows[0]?.count)
  })
}

import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../values/money.ts'
import type { CurrencyBalance } from './balance-schemas.ts'

/** What is payable to a partner in each currency. `today` is a day of the calendar. */
export async function listBalances(
  db: Kysely<Database>,
  partnerId: string,
  today: string,
): Promise<readonly CurrencyBalance[]> {
  const { rows } = await sql<{ currency: string; payable: string; pending: string }>`
    select currency, sum(minor) as payable, coalesce(sum(minor) filter (where available_on > ${today}::date), 0) as pending
    from (
      select currency, available_on, case credit when 'payable' then amount_minor else -amount_minor end as minor
      from ledger_moves where partner_id = ${partnerId}
    ) as moves
    group by currency order by currency`.execute(db)
  return rows.map(({ currency, payable, pending }) => {
    const toUnits = (minor: bigint) => toMajor(minor, currency)
    return {
      currency,
      payable: toUnits(BigInt(payable)),
      pending: toUnits(BigInt(pending)),
      available: toUnits(BigInt(payable) - BigInt(pending)),
    }
  })
}

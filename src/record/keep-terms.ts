import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toTimestamp } from '../values/instants.ts'

/**
 * Keeps the terms of a partner before a change of them, until `now` (milliseconds since 1970), or later if the clock of an
 * earlier change was ahead. Returns the instant. The caller holds the lock of the partner.
 */
export async function keepTerms(trx: Kysely<Database>, id: string, now: number): Promise<string> {
  const { rows } = await sql<{ held_until: string }>`
    insert into past_partner_terms (partner_id, held_until, status, "group", credit_after_leaving)
    select id, greatest(${toTimestamp(now)}::timestamptz, (
        select max(held_until) + interval '1 millisecond' from past_partner_terms where partner_id = ${id}
      )), status, "group", credit_after_leaving
    from partners where id = ${id}
    returning held_until`.execute(trx)
  const [{ held_until }] = rows as [(typeof rows)[0]]
  return held_until
}

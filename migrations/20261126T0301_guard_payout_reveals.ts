import { type Kysely, sql } from 'kysely'

// Nobody who reads payout details may take that out of the record.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create trigger payout_reveals_append_only before update or delete or truncate on payout_reveals
    for each statement execute function refuse_change()`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger payout_reveals_append_only on payout_reveals`.execute(db)
}

import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index deals_newest_of_currency on deals (currency, closed_date, id)`.execute(db)
  await sql`
    create index deals_newest_of_currency_and_model on deals (currency, attribution_model, closed_date, id)`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index deals_newest_of_currency_and_model, deals_newest_of_currency`.execute(db)
}

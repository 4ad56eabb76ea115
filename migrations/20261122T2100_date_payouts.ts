import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // The close and the currency of the version, which never change: a partner's newest credits and the lines of its
  // statement are then a walk along one index.
  await sql`alter table payouts add closed_date timestamptz(3), add currency text`.execute(db)
  await sql`alter table payouts disable trigger payouts_append_only`.execute(db)
  await sql`
    update payouts set closed_date = attributions.closed_date, currency = attributions.currency
    from attributions where (attributions.deal_id, attributions.version) = (payouts.deal_id, payouts.version)`.execute(
    db,
  )
  await sql`alter table payouts enable trigger payouts_append_only`.execute(db)
  await sql`alter table payouts alter closed_date set not null, alter currency set not null`.execute(db)
  await sql`drop index payouts_of_partner`.execute(db)
  await sql`
    create index payouts_newest_of_partner on payouts (partner_id, currency, closed_date, deal_id, version)`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index payouts_newest_of_partner`.execute(db)
  await sql`create index payouts_of_partner on payouts (partner_id, deal_id, version)`.execute(db)
  await sql`alter table payouts drop closed_date, drop currency`.execute(db)
}

import { type Kysely, sql } from 'kysely'

// A dump and restore starts transaction ids anew, so a restored version may carry the id of a transaction of today. The
// date of a version survives: one of this transaction was dated after its start.
export async function up(db: Kysely<unknown>): Promise<void> {
  await replaceCheck(
    db,
    sql`transaction_id <> pg_current_xact_id() or calculated_at < date_trunc('milliseconds', now())`,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await replaceCheck(db, sql`transaction_id <> pg_current_xact_id()`)
}

async function replaceCheck(
  db: Kysely<unknown>,
  isOfEarlierTransaction: ReturnType<typeof sql>,
): Promise<void> {
  await sql`
    create or replace function check_payouts_of_new_version() returns trigger language plpgsql as $$
    begin
      if exists (
        select from added join attributions using (deal_id, version)
        where ${isOfEarlierTransaction}
      ) then
        raise exception 'payouts cannot join a version that was already recorded'
          using errcode = 'check_violation', constraint = 'payouts_of_new_version';
      end if;
      return null;
    end $$`.execute(db)
}

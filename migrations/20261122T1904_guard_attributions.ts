import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
    end $$`.execute(db)
  for (const table of ['attributions', 'payouts']) {
    await sql`
      create trigger ${sql.id(`${table}_append_only`)} before update or delete or truncate on ${sql.table(table)}
      for each statement execute function refuse_change()`.execute(db)
  }

  // Deferred to the commit and fired by the version, not by its rows: one sum a version.
  await sql`
    create function check_attribution_adds_up() returns trigger language plpgsql as $$
    declare
      paid bigint;
      percentages bigint;
      rows_found bigint;
    begin
      select coalesce(sum(payout_minor), 0), coalesce(sum(percentage_bp), 0), count(*)
        into paid, percentages, rows_found
        from payouts where deal_id = new.deal_id and version = new.version;
      if paid + new.unattributed_minor <> new.amount_minor then
        raise exception 'version % of deal % does not add up to its amount', new.version, new.deal_id
          using errcode = 'check_violation', constraint = 'attributions_add_up';
      end if;
      if rows_found > 0 and percentages <> 10000 then
        raise exception 'percentages of version % of deal % do not add up to 100.00', new.version, new.deal_id
          using errcode = 'check_violation', constraint = 'attributions_percentages_add_up';
      end if;
      return null;
    end $$`.execute(db)
  await sql`
    create constraint trigger attributions_add_up after insert on attributions
    deferrable initially deferred for each row execute function check_attribution_adds_up()`.execute(db)

  // Not xmin: rows written under a savepoint carry the subtransaction's id there.
  await sql`
    create function check_payouts_of_new_version() returns trigger language plpgsql as $$
    begin
      if exists (
        select from added join attributions using (deal_id, version)
        where transaction_id <> pg_current_xact_id()
      ) then
        raise exception 'payouts cannot join a version that was already recorded'
          using errcode = 'check_violation', constraint = 'payouts_of_new_version';
      end if;
      return null;
    end $$`.execute(db)
  await sql`
    create trigger payouts_of_new_version after insert on payouts
    referencing new table as added for each statement execute function check_payouts_of_new_version()`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger payouts_of_new_version on payouts`.execute(db)
  await sql`drop trigger attributions_add_up on attributions`.execute(db)
  await sql`drop trigger payouts_append_only on payouts`.execute(db)
  await sql`drop trigger attributions_append_only on attributions`.execute(db)
  await sql`drop function check_payouts_of_new_version(), check_attribution_adds_up(), refuse_change()`.execute(
    db,
  )
}

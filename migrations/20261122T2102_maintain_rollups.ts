import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // A version adds what it says and takes back what the version before it said. A deal's last version, when it is
  // voided, says nothing.
  await sql`
    create function change_figures_by_versions() returns trigger language plpgsql as $$
    begin
      insert into deal_changes (deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor)
      select deal_id, (closed_date at time zone 'UTC')::date, currency, attribution_model, 1, amount_minor,
        unattributed_minor
      from added where reason <> 'deal_voided';
      if not exists (select from added where version > 1) then
        return null;
      end if;
      insert into deal_changes (deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor)
      select before.deal_id, (before.closed_date at time zone 'UTC')::date, before.currency, before.attribution_model,
        -1, -before.amount_minor, -before.unattributed_minor
      from added join attributions before on before.deal_id = added.deal_id and before.version = added.version - 1
      where before.reason <> 'deal_voided';
      insert into partner_changes (deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints)
      select before.deal_id, (before.closed_date at time zone 'UTC')::date, before.currency, before.partner_id,
        -1, -before.payout_minor, -before.percentage_bp, -before.touchpoints
      from added join payouts before on before.deal_id = added.deal_id and before.version = added.version - 1;
      return null;
    end $$`.execute(db)
  await sql`
    create function change_figures_by_payouts() returns trigger language plpgsql as $$
    begin
      insert into partner_changes (deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints)
      select deal_id, (closed_date at time zone 'UTC')::date, currency, partner_id, 1, payout_minor, percentage_bp,
        touchpoints
      from added;
      return null;
    end $$`.execute(db)
  await sql`
    create function change_figures_by_events() returns trigger language plpgsql as $$
    begin
      insert into touchpoint_changes (deal_id, day, partner_id, touchpoint_type, touchpoints)
      select deal_id, (timestamp at time zone 'UTC')::date, partner_id, touchpoint_type, 1
      from added where voided_at is null;
      return null;
    end $$`.execute(db)
  await sql`
    create function change_figures_by_void_event() returns trigger language plpgsql as $$
    begin
      insert into touchpoint_changes (deal_id, day, partner_id, touchpoint_type, touchpoints)
      values (old.deal_id, (old.timestamp at time zone 'UTC')::date, old.partner_id, old.touchpoint_type, -1);
      return null;
    end $$`.execute(db)

  await sql`
    create trigger attributions_change_figures after insert on attributions
    referencing new table as added for each statement execute function change_figures_by_versions()`.execute(
    db,
  )
  await sql`
    create trigger payouts_change_figures after insert on payouts
    referencing new table as added for each statement execute function change_figures_by_payouts()`.execute(
    db,
  )
  await sql`
    create trigger events_change_figures after insert on events
    referencing new table as added for each statement execute function change_figures_by_events()`.execute(db)
  await sql`
    create trigger events_void_changes_figures after update on events
    for each row when (old.voided_at is null and new.voided_at is not null)
    execute function change_figures_by_void_event()`.execute(db)

  // What was recorded before there were rollups.
  await sql`
    insert into deal_changes select deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor
    from deal_figures`.execute(db)
  await sql`
    insert into partner_changes select deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints
    from partner_figures`.execute(db)
  await sql`
    insert into touchpoint_changes select deal_id, day, partner_id, touchpoint_type, touchpoints
    from touchpoint_figures`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger events_void_changes_figures on events`.execute(db)
  await sql`drop trigger events_change_figures on events`.execute(db)
  await sql`drop trigger payouts_change_figures on payouts`.execute(db)
  await sql`drop trigger attributions_change_figures on attributions`.execute(db)
  await sql`
    drop function change_figures_by_versions(), change_figures_by_payouts(), change_figures_by_events(),
      change_figures_by_void_event()`.execute(db)
}

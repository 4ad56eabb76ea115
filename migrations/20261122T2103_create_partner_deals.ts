import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // The closed deals that a partner has a touchpoint on, in the order in which they are listed.
  await sql`
    create table partner_deals (
      partner_id text collate "C" not null,
      closed_date timestamptz(3) not null,
      deal_id text collate "C" not null,
      constraint partner_deals_pkey primary key (partner_id, closed_date, deal_id)
    )`.execute(db)
  await sql`
    create function list_deal_under_partners() returns trigger language plpgsql as $$
    begin
      insert into partner_deals (partner_id, closed_date, deal_id)
      select distinct partner_id, closed_date, deal_id from added join events on deal_id = added.id
      on conflict do nothing;
      return null;
    end $$`.execute(db)
  await sql`
    create function list_moved_deal_under_partners() returns trigger language plpgsql as $$
    begin
      update partner_deals set closed_date = new.closed_date
      where (partner_id, closed_date, deal_id) in
        (select partner_id, old.closed_date, old.id from events where deal_id = old.id);
      return null;
    end $$`.execute(db)
  // An event that came before its deal closed is known from the deal's first version.
  await sql`
    create function list_touched_deals_under_partners() returns trigger language plpgsql as $$
    begin
      insert into partner_deals (partner_id, closed_date, deal_id)
      select distinct partner_id, closed_date, deal_id from added join deals on deals.id = deal_id
      where known_from > 1
      on conflict do nothing;
      return null;
    end $$`.execute(db)
  await sql`
    create trigger deals_listed_under_partners after insert on deals
    referencing new table as added for each statement execute function list_deal_under_partners()`.execute(db)
  await sql`
    create trigger deals_moved_under_partners after update on deals
    for each row when (old.closed_date <> new.closed_date) execute function list_moved_deal_under_partners()`.execute(
    db,
  )
  await sql`
    create trigger events_listed_under_partners after insert on events
    referencing new table as added for each statement execute function list_touched_deals_under_partners()`.execute(
    db,
  )
  await sql`
    insert into partner_deals (partner_id, closed_date, deal_id)
    select distinct partner_id, closed_date, deal_id from events join deals on deals.id = deal_id`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger events_listed_under_partners on events`.execute(db)
  await sql`drop trigger deals_moved_under_partners on deals`.execute(db)
  await sql`drop trigger deals_listed_under_partners on deals`.execute(db)
  await sql`
    drop function list_deal_under_partners(), list_moved_deal_under_partners(), list_touched_deals_under_partners()`.execute(
    db,
  )
  await sql`drop table partner_deals`.execute(db)
}

import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // What a list of a partner's deals may be filtered by stands before what it is ordered by.
  await sql`drop table partner_deals`.execute(db)
  await sql`
    create table partner_deals (
      partner_id text collate "C" not null,
      currency text not null,
      attribution_model text not null,
      closed_date timestamptz(3) not null,
      deal_id text collate "C" not null,
      constraint partner_deals_pkey primary key (partner_id, currency, attribution_model, closed_date, deal_id)
    )`.execute(db)
  await sql`
    insert into partner_deals (partner_id, currency, attribution_model, closed_date, deal_id)
    select distinct partner_id, currency, attribution_model, closed_date, deal_id
    from events join deals on deals.id = deal_id`.execute(db)

  await sql`
    create or replace function list_deal_under_partners() returns trigger language plpgsql as $$
    begin
      insert into partner_deals (partner_id, currency, attribution_model, closed_date, deal_id)
      select distinct partner_id, currency, attribution_model, closed_date, deal_id
      from added join events on deal_id = added.id
      on conflict do nothing;
      return null;
    end $$`.execute(db)
  await sql`
    create or replace function list_moved_deal_under_partners() returns trigger language plpgsql as $$
    begin
      update partner_deals set closed_date = new.closed_date, currency = new.currency,
        attribution_model = new.attribution_model
      where (partner_id, currency, attribution_model, closed_date, deal_id) in
        (select partner_id, old.currency, old.attribution_model, old.closed_date, old.id from events where deal_id = old.id);
      return null;
    end $$`.execute(db)
  await sql`
    create or replace function list_touched_deals_under_partners() returns trigger language plpgsql as $$
    begin
      insert into partner_deals (partner_id, currency, attribution_model, closed_date, deal_id)
      select distinct partner_id, currency, attribution_model, closed_date, deal_id
      from added join deals on deals.id = deal_id
      where known_from > 1
      on conflict do nothing;
      return null;
    end $$`.execute(db)
  await sql`drop trigger deals_moved_under_partners on deals`.execute(db)
  await sql`
    create trigger deals_moved_under_partners after update on deals for each row
    when ((old.closed_date, old.currency, old.attribution_model) <> (new.closed_date, new.currency, new.attribution_model))
    execute function list_moved_deal_under_partners()`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger deals_moved_under_partners on deals`.execute(db)
  await sql`
    create trigger deals_moved_under_partners after update on deals
    for each row when (old.closed_date <> new.closed_date) execute function list_moved_deal_under_partners()`.execute(
    db,
  )
  await sql`
    create or replace function list_touched_deals_under_partners() returns trigger language plpgsql as $$
    begin
      insert into partner_deals (partner_id, closed_date, deal_id)
      select distinct partner_id, closed_date, deal_id from added join deals on deals.id = deal_id
      where known_from > 1
      on conflict do nothing;
      return null;
    end $$`.execute(db)
  await sql`
    create or replace function list_moved_deal_under_partners() returns trigger language plpgsql as $$
    begin
      update partner_deals set closed_date = new.closed_date
      where (partner_id, closed_date, deal_id) in
        (select partner_id, old.closed_date, old.id from events where deal_id = old.id);
      return null;
    end $$`.execute(db)
  await sql`
    create or replace function list_deal_under_partners() returns trigger language plpgsql as $$
    begin
      insert into partner_deals (partner_id, closed_date, deal_id)
      select distinct partner_id, closed_date, deal_id from added join events on deal_id = added.id
      on conflict do nothing;
      return null;
    end $$`.execute(db)
  await sql`alter table partner_deals drop column currency, drop column attribution_model`.execute(db)
  await sql`
    alter table partner_deals add constraint partner_deals_pkey primary key (partner_id, closed_date, deal_id)`.execute(
    db,
  )
}

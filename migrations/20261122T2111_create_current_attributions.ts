import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create view attributions_with_shares as
    select deal_id, version, amount_minor, currency, attribution_model, unattributed_minor, calculated_at, reason, (
      select coalesce(json_agg(json_build_array(partner_id, name, percentage_bp, payout_minor, touchpoints, role)
        order by payout_minor desc, partner_id), '[]'::json)
      from payouts join partners on partners.id = partner_id
      where payouts.deal_id = attributions.deal_id and payouts.version = attributions.version
    ) as shares
    from attributions`.execute(db)
  // The most frequent of all reads. A function keeps its plan, which costs as much to make as to carry out.
  await sql`
    create function current_attributions(deal_ids text[]) returns setof attributions_with_shares
    language plpgsql stable as $$
    begin
      return query
        select attributions_with_shares.*
        from deals join attributions_with_shares on deal_id = deals.id
          and attributions_with_shares.version = deals.version
        where deals.id = any (deal_ids);
    end $$`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop function current_attributions(text[])`.execute(db)
  await sql`drop view attributions_with_shares`.execute(db)
}

import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // The most frequent of all reads. A function keeps its plan, which costs as much to make as to carry out.
  await sql`
    create function current_attributions(deal_ids text[])
    returns table (
      deal_id text, version integer, amount_minor bigint, currency text, attribution_model text,
      unattributed_minor bigint, calculated_at timestamptz, shares json
    ) language plpgsql stable as $$
    begin
      return query
        select attributions.deal_id, attributions.version, attributions.amount_minor, attributions.currency,
          attributions.attribution_model, attributions.unattributed_minor, attributions.calculated_at, (
            select coalesce(json_agg(json_build_array(payouts.partner_id, partners.name, payouts.percentage_bp,
              payouts.payout_minor, payouts.touchpoints, payouts.role)
              order by payouts.payout_minor desc, payouts.partner_id), '[]'::json)
            from payouts join partners on partners.id = payouts.partner_id
            where payouts.deal_id = attributions.deal_id and payouts.version = attributions.version
          )
        from deals join attributions on attributions.deal_id = deals.id and attributions.version = deals.version
        where deals.id = any (deal_ids);
    end $$`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop function current_attributions(text[])`.execute(db)
}

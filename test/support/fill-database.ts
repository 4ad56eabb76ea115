import type { Client } from 'pg'
import { generalModels, resolveParameters } from '../../src/attribution/models.ts'

/** Every filled database has 2,000 partners, 36 months and five touchpoints a deal. */
export const partners = 2000
export const firstMonth = '2023-11-01'
const days = 1096
const dealsAtOnce = 50_000

/**
 * Fills a migrated, empty database with deals whose touchpoints are spread over the partners by Zipf's law. All values
 * are hashes of row numbers, so that two fills of a size are identical. Every deal is split evenly among its partners.
 * Triggers are off, so the caller must rebuild the rollups.
 */
export async function fillDatabase(client: Client, deals: number): Promise<void> {
  await client.query(
    `set session_replication_role = replica; set synchronous_commit = off; set statement_timeout = 0`,
  )
  await client.query(tools)
  for (let first = 1; first <= deals; first += dealsAtOnce) {
    const range = [first, Math.min(first + dealsAtOnce - 1, deals)]
    for (const statement of statements) {
      await client.query(statement, range)
    }
    console.error(`${range[1]} of ${deals} deals`)
  }
  await client.query('reset session_replication_role; drop schema fill cascade')
  await client.query('vacuum analyze')
}

const window = { close_grace_minutes: 60, lookback_days: null }
const models = generalModels.map((model, number) => [number, model, resolveParameters(model, {}, window)])

const tools = `
  create schema fill;
  create function fill.chance(number bigint, salt bigint) returns float8 immutable language sql return
    (hashint8extended(number, salt) & 9007199254740991) / 9007199254740992.0::float8;
  create table fill.odds as
    select array_agg(upto order by n) as steps from (
      select n, sum(1.0 / (n + 1)) over (order by n) / (select sum(1.0 / k) from generate_series(1, ${partners}) k)::float8
        as upto
      from generate_series(0, ${partners} - 1) n
    ) as cumulated;
  create function fill.partner(number bigint) returns text stable language sql return
    'p' || least(1 + width_bucket(fill.chance(number, 1), (select steps from fill.odds)::float8[]), ${partners});
  insert into partners (id, name, email, submission)
    select 'p' || n, 'Partner ' || to_char(hashint4(n) & 65535, 'FM00000'), 'p' || n || '@example.com', ''
    from generate_series(1, ${partners}) n;
  create table fill.models as
    select (row ->> 0)::integer as number, row ->> 1 as model, row -> 2 as parameters
    from jsonb_array_elements('${JSON.stringify(models)}') as row`

const numbers = 'generate_series($1::bigint, $2::bigint) as deal'

const insertDeals = `
  insert into deals (id, amount_minor, currency, closed_date, closed_all_day, closed_on, attribution_model, model_parameters,
    version, commission_version, submission)
  select 'deal-' || deal, 10000 + (fill.chance(deal, 2) * 5000000)::bigint,
    (array['USD', 'USD', 'USD', 'USD', 'USD', 'USD', 'USD', 'EUR', 'EUR', 'GBP'])[1 + (fill.chance(deal, 3) * 10)::int % 10],
    timestamptz '${firstMonth} 00:00Z' + fill.chance(deal, 4) * interval '${days} days', false,
    ((timestamptz '${firstMonth} 00:00Z' + fill.chance(deal, 4) * interval '${days} days') at time zone 'UTC')::date,
    model, parameters, 1, 1, ''
  from ${numbers} join fill.models on number = (fill.chance(deal, 5) * ${generalModels.length})::int % ${generalModels.length}`

const insertEvents = `
  insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, known_from, submission)
  select 'evt-' || deal || '-' || n, 'deal-' || deal, fill.partner(deal * 8 + n),
    (array['referral', 'demo', 'intro', 'support', 'closer', 'other'])[1 + (fill.chance(deal * 8 + n, 6) * 6)::int % 6],
    at, (at at time zone 'UTC')::date, 1, ''
  from ${numbers}, generate_series(1, 5) n, lateral (
    select timestamptz '${firstMonth} 00:00Z' + fill.chance(deal, 4) * interval '${days} days'
      - fill.chance(deal * 8 + n, 7) * interval '90 days' as at) as dated`

const insertVersions = `
  insert into attributions (deal_id, version, reason, amount_minor, currency, closed_date, closed_all_day, closed_on,
    attribution_model, model_parameters, unattributed_minor, fingerprint, calculated_at)
  select id, 1, 'closed', amount_minor, currency, closed_date, closed_all_day, closed_on, attribution_model, model_parameters, 0,
    sha256(id::bytea), created_at
  from ${numbers} join deals on id = 'deal-' || deal`

const insertShares = `
  insert into shares (deal_id, version, partner_id, payout_minor, percentage_bp, touchpoints, role, closed_date, currency)
  select id, 1, partner_id, amount_minor / ways + (place <= amount_minor % ways)::int,
    10000 / ways + (place <= 10000 % ways)::int, touchpoints, role, closed_date, currency
  from (
    select deal_id, partner_id, count(*) as touchpoints, string_agg(distinct touchpoint_type, ', ') as role,
      row_number() over (partition by deal_id order by partner_id) as place, count(*) over (partition by deal_id) as ways
    from ${numbers} join events on deal_id = 'deal-' || deal group by deal_id, partner_id
  ) as shares join deals on deals.id = deal_id`

/** What the deals owe under the plan `full`: their payouts. */
const insertCommissions = `
  insert into commission_versions (deal_id, version, split_version, plan_id, plan_version, commission_minor, cause, calculated_at)
  select id, 1, 1, 'full', 1, amount_minor, '{}', created_at
  from ${numbers} join deals on id = 'deal-' || deal`

const insertCommissionLines = `
  insert into commission_lines (deal_id, version, partner_id, commission_minor, rule)
  select deal_id, 1, partner_id, payout_minor, 0
  from ${numbers} join shares on deal_id = 'deal-' || deal`

const insertPartnerDeals = `
  insert into partner_deals (partner_id, currency, attribution_model, closed_date, deal_id)
  select distinct partner_id, currency, attribution_model, closed_date, deal_id
  from ${numbers} join events on deal_id = 'deal-' || deal join deals on deals.id = deal_id`

// The plan is full: each partner is owed its payout.
const insertMoves = `
  insert into ledger_moves (deal_id, source, source_id, source_version, line, kind, partner_id, currency, debit, credit,
    amount_minor, period, effective_on, available_on, posted_at)
  select deal_id, 'commission', deal_id, 1, row_number() over (partition by deal_id order by partner_id), 'earned',
    partner_id, deals.currency, 'expense', 'payable', payout_minor, date_trunc('month', closed_on::timestamp), closed_on,
    closed_on, created_at
  from ${numbers} join shares on deal_id = 'deal-' || deal join deals on id = deal_id
  where payout_minor > 0`

const statements = [
  insertDeals,
  insertEvents,
  insertVersions,
  insertShares,
  insertCommissions,
  insertCommissionLines,
  insertMoves,
  insertPartnerDeals,
]

import { type Kysely, sql } from 'kysely'

/**
 * A deal pins a commission plan and one of its versions, and each change of what it owes makes a version with a line for each
 * partner. Deals of earlier releases have no such version: their plan is full, so that they owe the payouts.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await pinPlans(db)
  await createCommissions(db)
  await guardCommissions(db)
  await showCommissions(db)
  await reportCommissions(db)
  await createRecordCommissions(db)
  await sql`
    create or replace function record_change(change jsonb) returns timestamptz language plpgsql as $$
    declare
      at timestamptz := date_trunc('milliseconds', clock_timestamp());
      own record;
    begin
      insert into deals (id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until,
        attribution_model, model_parameters, name, metadata, version, commission_plan_id, commission_plan_version,
        is_plan_named, commission_version, submission, created_at, updated_at)
      select id, amount_minor, currency, closed_date, closed_all_day, closed_on, closed_until, attribution_model,
        model_parameters, name, metadata::json, 1, commission_plan_id, commission_plan_version, is_plan_named,
        commission_version, submission, at, at
      from jsonb_to_recordset(change -> 'closed') as given (id text, amount_minor bigint, currency text,
        closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
        attribution_model text, model_parameters jsonb, name text, metadata text, commission_plan_id text,
        commission_plan_version integer, is_plan_named boolean, commission_version integer, submission bytea);

      for own in
        select * from jsonb_to_recordset(change -> 'changed') as given (id text, amount_minor bigint, currency text,
          closed_date timestamptz, closed_all_day boolean, closed_on date, closed_until timestamptz,
          attribution_model text, model_parameters jsonb, version integer, void_reason text, previously_at timestamptz,
          is_updated boolean, description jsonb, commission_plan_id text, commission_plan_version integer,
          is_plan_named boolean, commission_version integer)
      loop
        update deals set amount_minor = own.amount_minor, currency = own.currency, closed_date = own.closed_date,
          closed_all_day = own.closed_all_day, closed_on = own.closed_on, closed_until = own.closed_until,
          attribution_model = own.attribution_model, model_parameters = own.model_parameters, version = own.version,
          void_reason = own.void_reason, commission_plan_id = own.commission_plan_id,
          commission_plan_version = own.commission_plan_version, is_plan_named = own.is_plan_named,
          commission_version = own.commission_version,
          name = case when own.description is null then name else own.description ->> 'name' end,
          metadata = case when own.description is null then metadata
            else (own.description ->> 'metadata')::json end,
          voided_at = case when own.void_reason is not null
            then coalesce(voided_at, greatest(at, own.previously_at + interval '1 millisecond')) end,
          updated_at = case when own.is_updated then greatest(at, own.previously_at + interval '1 millisecond')
            else updated_at end
        where id = own.id;
      end loop;

      insert into attributions (deal_id, version, reason, cause, amount_minor, currency, closed_date, closed_all_day,
        closed_on, closed_until, attribution_model, model_parameters, unattributed_minor, unattributed_bp,
        uncredited_partner_ids, fingerprint, calculated_at)
      select deal_id, version, reason, cause, amount_minor, currency, closed_date, closed_all_day, closed_on,
        closed_until, attribution_model, model_parameters, unattributed_minor, coalesce(unattributed_bp, 0),
        uncredited_partner_ids, fingerprint, greatest(at, previously_at + interval '1 millisecond')
      from jsonb_to_recordset(change -> 'versions') as given (deal_id text, version integer, reason text, cause jsonb,
        amount_minor bigint, currency text, closed_date timestamptz, closed_all_day boolean, closed_on date,
        closed_until timestamptz, attribution_model text, model_parameters jsonb, unattributed_minor bigint,
        unattributed_bp integer, uncredited_partner_ids text[], fingerprint bytea, previously_at timestamptz);
      insert into shares (deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp, touchpoints, role)
      select deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp, touchpoints, role
      from jsonb_to_recordset(change -> 'versions') as given (deal_id text, version integer, currency text,
        closed_date timestamptz, shares jsonb), jsonb_to_recordset(given.shares) as share (partner_id text,
        payout_minor bigint, percentage_bp integer, touchpoints integer, role text);

      perform record_commissions(change -> 'commissions', at);

      insert into deal_deltas (deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor,
        commission_minor)
      select deal_id, day, currency, attribution_model, deals, revenue_minor, unattributed_minor, commission_minor
      from jsonb_to_recordset(change -> 'deal_deltas') as given (deal_id text, day date, currency text,
        attribution_model text, deals integer, revenue_minor bigint, unattributed_minor bigint, commission_minor bigint);
      insert into partner_deltas (deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints,
        commission_minor)
      select deal_id, day, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints, commission_minor
      from jsonb_to_recordset(change -> 'partner_deltas') as given (deal_id text, day date, currency text, partners jsonb),
        jsonb_to_recordset(given.partners) as difference (partner_id text, deals integer, payout_minor bigint,
          percentage_bp integer, touchpoints integer, commission_minor bigint);
      insert into touchpoint_deltas (deal_id, day, partner_id, touchpoint_type, touchpoints)
      select deal_id, day, partner_id, touchpoint_type, touchpoints
      from jsonb_to_recordset(change -> 'touchpoint_deltas') as given (deal_id text, day date, partner_id text,
        touchpoint_type text, touchpoints integer);

      for own in
        select currency, attribution_model, closed_date, deal_id, partner_id
        from jsonb_to_recordset(change -> 'unlisted') as given (deal_id text, currency text, attribution_model text,
          closed_date timestamptz, partner_ids jsonb), jsonb_array_elements_text(partner_ids) as partner_id
      loop
        delete from partner_deals where partner_id = own.partner_id and currency = own.currency
          and attribution_model = own.attribution_model and closed_date = own.closed_date and deal_id = own.deal_id;
      end loop;
      insert into partner_deals (partner_id, currency, attribution_model, closed_date, deal_id)
      select partner_id, currency, attribution_model, closed_date, deal_id
      from jsonb_to_recordset(change -> 'listed') as given (deal_id text, currency text, attribution_model text,
        closed_date timestamptz, partner_ids jsonb), jsonb_array_elements_text(partner_ids) as partner_id
      on conflict do nothing;
      return at;
    end $$`.execute(db)
}

export async function down(): Promise<void> {
  throw new Error('Commissions are append-only: restore a backup to go back.')
}

async function pinPlans(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table deals
      add column commission_plan_id text collate "C" not null default 'full',
      add column commission_plan_version integer default 1,
      add column is_plan_named boolean not null default false,
      add column commission_version integer not null default 0`.execute(db)
  await comment(db, {
    'deals.commission_plan_version':
      'The version of the plan that was in force on closed_on when the plan was picked. Null: none was, so the deal owes nothing.',
    'deals.is_plan_named': 'Whether the client named the plan. Otherwise it is the default of closed_on.',
    'deals.commission_version':
      'Its current version in commission_versions. 0: recorded by a release without commissions; it owes the payouts.',
  })
}

async function createCommissions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table commission_versions (
      deal_id text collate "C" not null,
      version integer not null constraint commission_versions_from_one check (version >= 1),
      split_version integer not null,
      plan_id text collate "C" not null,
      plan_version integer,
      commission_minor bigint not null constraint commission_versions_not_negative check (commission_minor >= 0),
      cause jsonb not null,
      calculated_at timestamptz(3) not null,
      transaction_id xid8 not null default pg_current_xact_id(),
      constraint commission_versions_pkey primary key (deal_id, version),
      constraint commission_versions_split_known foreign key (deal_id, split_version) references attributions
    )`.execute(db)
  await sql`
    create index commission_versions_by_split on commission_versions (deal_id, split_version, version)`.execute(
    db,
  )
  await sql`
    create table commission_lines (
      deal_id text collate "C" not null,
      version integer not null,
      partner_id text collate "C" not null,
      commission_minor bigint not null constraint commission_lines_not_negative check (commission_minor >= 0),
      rule integer,
      partner_group text,
      constraint commission_lines_pkey primary key (deal_id, version, partner_id)
    )`.execute(db)
  for (const [table, text] of Object.entries({
    commission_versions:
      'What a deal owes in all, under a version of a plan and for a version of its split. A change of either makes the next one. Append-only.',
    commission_lines:
      'What a version of a commission owes to each partner with a share in its split. Append-only.',
  }))
    await sql`comment on table ${sql.table(table)} is ${sql.lit(text)}`.execute(db)
  await comment(db, {
    'commission_versions.version': '1 for the first version of the deal.',
    'commission_versions.split_version': 'The version of the split, in attributions.',
    'commission_versions.plan_version':
      'Null: no version of the plan was in force on closed_on, so nothing is owed.',
    'commission_versions.commission_minor':
      'In minor units of the currency of the deal. Equals the sum of the lines (checked at commit).',
    'commission_versions.cause': 'As attributions.cause.',
    'commission_versions.transaction_id': 'The transaction that wrote the version: only it adds lines.',
    'commission_lines.version': 'The version in commission_versions.',
    'commission_lines.commission_minor': 'In minor units of the currency of the deal.',
    'commission_lines.rule': 'The place of the rule of the plan, from 0. Null: no rule fits.',
    'commission_lines.partner_group':
      'The group of the partner that the plan read. Null: none, or no rule asks for groups.',
  })
}

async function comment(db: Kysely<unknown>, columns: Readonly<Record<string, string>>): Promise<void> {
  for (const [column, text] of Object.entries(columns))
    await sql`comment on column ${sql.ref(column)} is ${sql.lit(text)}`.execute(db)
}

async function guardCommissions(db: Kysely<unknown>): Promise<void> {
  for (const table of ['commission_versions', 'commission_lines']) {
    await sql`
      create trigger ${sql.id(`${table}_append_only`)} before update or delete or truncate on ${sql.table(table)}
      for each statement execute function refuse_change()`.execute(db)
  }
  // A restored version may carry the id of a transaction of today, so its time is compared too.
  await sql`
    create function check_line_of_new_commission() returns trigger language plpgsql as $$
    begin
      if not exists (
        select from commission_versions where deal_id = new.deal_id and version = new.version
          and transaction_id = pg_current_xact_id() and calculated_at >= date_trunc('milliseconds', now())
      ) then
        raise exception 'a line cannot join a commission that was already recorded'
          using errcode = 'check_violation', constraint = 'commission_lines_of_new_version';
      end if;
      return null;
    end $$`.execute(db)
  await sql`
    create trigger commission_lines_of_new_version after insert on commission_lines
    for each row execute function check_line_of_new_commission()`.execute(db)
  await sql`
    create function check_commission_adds_up() returns trigger language plpgsql as $$
    declare
      owed bigint;
      lines_found bigint;
      lines_of_shares bigint;
      shares_found bigint;
    begin
      select coalesce(sum(commission_minor), 0), count(*), count(shares.partner_id)
        into owed, lines_found, lines_of_shares
        from commission_lines left join shares on shares.deal_id = commission_lines.deal_id
          and shares.version = new.split_version and shares.partner_id = commission_lines.partner_id
        where commission_lines.deal_id = new.deal_id and commission_lines.version = new.version;
      select count(*) into shares_found from shares where deal_id = new.deal_id and version = new.split_version;
      if owed <> new.commission_minor or lines_found <> shares_found or lines_of_shares <> shares_found then
        raise exception 'commission % of deal % does not add up', new.version, new.deal_id
          using errcode = 'check_violation', constraint = 'commission_versions_add_up';
      end if;
      return null;
    end $$`.execute(db)
  await sql`
    create constraint trigger commission_versions_add_up after insert on commission_versions
    deferrable initially deferred for each row execute function check_commission_adds_up()`.execute(db)
}

// Without a version the plan is full: the commission is the payout.
async function showCommissions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace view attributions_with_shares as
    select deal_id, version, amount_minor, currency, attribution_model, unattributed_minor, calculated_at, reason, (
      select coalesce(json_agg(json_build_array(shares.partner_id, name, percentage_bp, payout_minor, touchpoints, role,
        coalesce(commission_minor, payout_minor)) order by payout_minor desc, shares.partner_id), '[]'::json)
      from shares join partners on partners.id = shares.partner_id
        left join commission_lines on commission_lines.deal_id = shares.deal_id
          and commission_lines.partner_id = shares.partner_id
          and commission_lines.version = (
            select max(commission_versions.version) from commission_versions
            where commission_versions.deal_id = attributions.deal_id and split_version = attributions.version
          )
      where shares.deal_id = attributions.deal_id and shares.version = attributions.version
    ) as shares, cause, case when reason = 'deal_voided' then calculated_at end as voided_at
    from attributions`.execute(db)
  await sql`
    comment on view attributions_with_shares is 'attributions with their shares as one JSON array: [partner_id, name of the partner today, percentage_bp, payout_minor, touchpoints, role, commission_minor] for each, the highest payout first.'`.execute(
    db,
  )
}

// Every deal that reports count now owes its payouts.
async function reportCommissions(db: Kysely<unknown>): Promise<void> {
  for (const [source, owed] of [
    ['deal', sql`revenue_minor - unattributed_minor`],
    ['partner', sql`payout_minor`],
  ] as const) {
    for (const [kind, type] of [
      ['deltas', sql`bigint`],
      ['rollups', sql`numeric`],
    ] as const) {
      const table = sql.table(`${source}_${kind}`)
      await sql`alter table ${table} add column commission_minor ${type}`.execute(db)
      await sql`update ${table} set commission_minor = ${owed}`.execute(db)
      await sql`alter table ${table} alter column commission_minor set not null`.execute(db)
    }
  }
  await comment(db, {
    'deal_deltas.commission_minor':
      'Commission in minor units of currency. Zero or negative where deals is -1.',
    'deal_rollups.commission_minor': 'Sum of their commissions in minor units of currency.',
    'partner_deltas.commission_minor':
      'Commission in minor units of currency. Zero or negative where deals is -1.',
    'partner_rollups.commission_minor': 'Sum of its commissions in minor units of currency.',
  })
  await sql`
    create or replace view deal_figures as
    select deals.id as deal_id, coalesce(deals.closed_on, (deals.closed_date at time zone 'UTC')::date) as day,
      deals.currency, deals.attribution_model, 1 as deals, deals.amount_minor as revenue_minor,
      attributions.unattributed_minor,
      coalesce(commission_versions.commission_minor, deals.amount_minor - attributions.unattributed_minor) as commission_minor
    from deals join attributions on attributions.deal_id = deals.id and attributions.version = deals.version
      left join commission_versions on commission_versions.deal_id = deals.id
        and commission_versions.version = deals.commission_version
    where deals.voided_at is null`.execute(db)
  await sql`
    create or replace view partner_figures as
    select deals.id as deal_id, coalesce(deals.closed_on, (deals.closed_date at time zone 'UTC')::date) as day,
      deals.currency, shares.partner_id, 1 as deals, payout_minor, percentage_bp, touchpoints,
      coalesce(commission_lines.commission_minor, payout_minor) as commission_minor
    from deals join shares on shares.deal_id = deals.id and shares.version = deals.version
      left join commission_lines on commission_lines.deal_id = deals.id
        and commission_lines.version = deals.commission_version and commission_lines.partner_id = shares.partner_id
    where deals.voided_at is null`.execute(db)
}

async function createRecordCommissions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function record_commissions(commissions jsonb, at timestamptz) returns void language plpgsql as $$
    begin
      insert into commission_versions (deal_id, version, split_version, plan_id, plan_version, commission_minor, cause,
        calculated_at)
      select deal_id, version, split_version, plan_id, plan_version, commission_minor, cause,
        greatest(at, previously_at + interval '1 millisecond')
      from jsonb_to_recordset(commissions) as given (deal_id text, version integer, split_version integer, plan_id text,
        plan_version integer, commission_minor bigint, cause jsonb, previously_at timestamptz);
      insert into commission_lines (deal_id, version, partner_id, commission_minor, rule, partner_group)
      select deal_id, version, partner_id, line.commission_minor, rule, partner_group
      from jsonb_to_recordset(commissions) as given (deal_id text, version integer, lines jsonb),
        jsonb_to_recordset(given.lines) as line (partner_id text, commission_minor bigint, rule integer, partner_group text);
    end $$`.execute(db)
}

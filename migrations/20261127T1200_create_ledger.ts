import { type Kysely, sql } from 'kysely'

/**
 * The ledger. A commission posts, for each partner, what its deal owes less what the deal has posted. Deals of earlier releases
 * have no commission and post nothing until the job `post_commissions` gives them one.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createPeriods(db)
  await createMoves(db)
  await guardMoves(db)
  await guardCommissions(db)
  await postCommissions(db)
  await sql`
    create index deals_without_commission on deals (id) where commission_version = 0`.execute(db)
}

export async function down(): Promise<void> {
  throw new Error('The ledger is append-only: restore a backup to go back.')
}

async function createPeriods(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table periods (
      month date constraint periods_pkey primary key
        constraint periods_first_of_month check (extract(day from month) = 1),
      moves_count bigint not null,
      digest bytea not null,
      locked_at timestamptz(3) not null,
      locked_by text
    )`.execute(db)
  await sql`
    create trigger periods_append_only before update or delete or truncate on periods
    for each statement execute function refuse_change()`.execute(db)
  await comment(
    db,
    { periods: 'One row for each locked month. A month that has no row is open. Append-only.' },
    {
      'periods.month': 'Its first day.',
      'periods.moves_count': 'How many moves the month has.',
      'periods.digest': 'SHA-256 of the moves of the month, as ledger_digest computes it.',
      'periods.locked_by': 'The id of the API key.',
    },
  )
}

async function createMoves(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table ledger_moves (
      deal_id text collate "C" not null,
      source text not null constraint ledger_moves_source_known check (source in ('commission', 'adjustment')),
      source_id text collate "C" not null,
      source_version integer not null,
      line integer not null,
      kind text not null constraint ledger_moves_kind_known check (kind in ('earned', 'adjusted', 'manual')),
      partner_id text collate "C" not null,
      currency text not null,
      debit text not null,
      credit text not null,
      amount_minor bigint not null constraint ledger_moves_positive check (amount_minor > 0),
      period date not null constraint ledger_moves_period_first_of_month check (extract(day from period) = 1),
      effective_on date not null,
      available_on date not null,
      posted_at timestamptz(3) not null,
      constraint ledger_moves_pkey primary key (deal_id, source, source_id, source_version, line),
      constraint ledger_moves_accounts check (
        (debit = 'expense' and credit = 'payable') or (debit = 'payable' and credit = 'expense')
      )
    )`.execute(db)
  await sql`
    create index ledger_moves_by_partner on ledger_moves (partner_id, currency, period, deal_id)
    include (credit, amount_minor, available_on, posted_at)`.execute(db)
  await sql`create index ledger_moves_by_period on ledger_moves (period)`.execute(db)
  await sql`
    create trigger ledger_moves_append_only before update or delete or truncate on ledger_moves
    for each statement execute function refuse_change()`.execute(db)
  // A line for each move. sha256 of text is that of its UTF-8.
  await sql`
    create function ledger_digest(of_month date) returns bytea language plpgsql stable as $$
    begin
      return sha256(convert_to(coalesce((
        select string_agg(concat_ws(' ', length(deal_id), deal_id, source, length(source_id), source_id, source_version,
          line, kind, length(partner_id), partner_id, currency, debit, credit, amount_minor, effective_on - date '1970-01-01',
          available_on - date '1970-01-01', extract(epoch from posted_at)) || chr(10), ''
          order by deal_id, source collate "C", source_id, source_version, line)
        from ledger_moves where period = of_month
      ), ''), 'UTF8'));
    end $$`.execute(db)
  await comment(
    db,
    {
      ledger_moves:
        'Money that goes from one account to another, so that the accounts of a currency always add up to zero. Append-only.',
    },
    {
      'ledger_moves.deal_id': 'A move of no deal carries its source_id here.',
      'ledger_moves.source_version': 'Of a commission: its version in commission_versions.',
      'ledger_moves.line': 'From 1 in each source and version.',
      'ledger_moves.kind':
        'earned: the first move of the deal for the partner, in the month of the deal. adjusted: a later one, or in a later month. manual: an adjustment.',
      'ledger_moves.debit': 'The account that the amount is added to: expense or payable.',
      'ledger_moves.credit': 'The account that the amount is taken from.',
      'ledger_moves.amount_minor': 'In minor units of the currency.',
      'ledger_moves.period':
        'The first day of the month that the move is in: the month of effective_on, or the first open one if that is locked.',
      'ledger_moves.effective_on': 'The day of the fact: of a commission, closed_on of the deal.',
      'ledger_moves.available_on': 'The amount is pending before this day.',
    },
  )
}

// Posters share the lock (9, 0), and the lock of a month takes it alone (src/database/locks.ts).
async function guardMoves(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function check_move() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(9, 0);
      if exists (select from periods where month >= new.period) then
        raise exception 'the month % is locked', to_char(new.period, 'YYYY-MM')
          using errcode = 'check_violation', constraint = 'ledger_moves_in_open_month';
      end if;
      -- The check of a commission at commit adds up the moves, so a move needs a commission of its own transaction.
      if new.source = 'commission' and (new.source_id <> new.deal_id or not exists (
        select from commission_versions where deal_id = new.deal_id and version = new.source_version
          and transaction_id = pg_current_xact_id() and calculated_at >= date_trunc('milliseconds', now())
      )) then
        raise exception 'a move cannot join a commission that was already recorded'
          using errcode = 'check_violation', constraint = 'ledger_moves_of_new_commission';
      end if;
      return null;
    end $$`.execute(db)
  await sql`
    create trigger ledger_moves_allowed after insert on ledger_moves
    for each row execute function check_move()`.execute(db)
}

async function guardCommissions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function check_commission_is_posted() returns trigger language plpgsql as $$
    declare
      deal_currency text;
      latest integer;
    begin
      select commission_versions.version, currency into latest, deal_currency
        from commission_versions join attributions on attributions.deal_id = commission_versions.deal_id
          and attributions.version = split_version
        where commission_versions.deal_id = new.deal_id order by commission_versions.version desc limit 1;
      if exists (
        select from (
          select partner_id, currency, case credit when 'payable' then amount_minor else -amount_minor end as minor
          from ledger_moves where deal_id = new.deal_id and source = 'commission'
          union all
          select partner_id, deal_currency, -commission_minor
          from commission_lines where deal_id = new.deal_id and version = latest
        ) as sides group by partner_id, currency having sum(minor) <> 0
      ) then
        raise exception 'deal % has not posted what it owes', new.deal_id
          using errcode = 'check_violation', constraint = 'commission_versions_posted';
      end if;
      return null;
    end $$`.execute(db)
  await sql`
    create constraint trigger commission_versions_posted after insert on commission_versions
    deferrable initially deferred for each row execute function check_commission_is_posted()`.execute(db)
}

async function postCommissions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function hold_days_of(plan text, plan_version integer) returns integer language plpgsql stable as $$
    begin
      return coalesce((select hold_days from commission_plan_versions where plan_id = plan and version = plan_version), 0);
    end $$`.execute(db)
  await sql`
    create or replace function record_commissions(commissions jsonb, at timestamptz) returns void language plpgsql as $$
    declare
      first_open date;
      own record;
    begin
      if jsonb_array_length(commissions) = 0 then return; end if;
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

      perform pg_advisory_xact_lock_shared(9, 0);
      select max(month) + interval '1 month' into first_open from periods;
      -- A first commission: the deal has posted nothing.
      insert into ledger_moves (deal_id, source, source_id, source_version, line, kind, partner_id, currency, debit, credit,
        amount_minor, period, effective_on, available_on, posted_at)
      select deal_id, 'commission', deal_id, version, row_number() over (partition by deal_id order by partner_id),
        case when date_trunc('month', effective_on::timestamp) < first_open then 'adjusted' else 'earned' end, partner_id, currency, 'expense', 'payable', line.commission_minor,
        greatest(date_trunc('month', effective_on::timestamp)::date, first_open), effective_on,
        closed_on + hold_days_of(plan_id, plan_version), greatest(at, previously_at + interval '1 millisecond')
      from jsonb_to_recordset(commissions) as given (deal_id text, version integer, plan_id text, plan_version integer,
        currency text, effective_on date, closed_on date, previously_at timestamptz, lines jsonb),
        jsonb_to_recordset(given.lines) as line (partner_id text, commission_minor bigint)
      where version = 1 and line.commission_minor > 0;
      for own in
        select * from jsonb_to_recordset(commissions) as given (deal_id text, version integer, plan_id text,
          plan_version integer, currency text, effective_on date, closed_on date, is_redated boolean,
          previously_at timestamptz)
        where version > 1
      loop
        perform post_difference(own.deal_id, own.version, own.currency, own.effective_on,
          own.closed_on + hold_days_of(own.plan_id, own.plan_version), own.is_redated, first_open,
          greatest(at, own.previously_at + interval '1 millisecond'));
      end loop;
    end $$`.execute(db)
  // Where the currency, the day or the hold changes, what was posted is reversed with its own days.
  await sql`
    create function post_difference(deal text, commission integer, deal_currency text, effective date, available date,
      is_redated boolean, first_open date, at timestamptz) returns void language plpgsql as $$
    begin
      -- Another plan or version may have another hold.
      is_redated := is_redated or exists (
        select from ledger_moves where deal_id = deal and source = 'commission' and available_on <> available
        group by partner_id, currency, available_on
        having sum(case credit when 'payable' then amount_minor else -amount_minor end) <> 0
      );
      insert into ledger_moves (deal_id, source, source_id, source_version, line, kind, partner_id, currency, debit, credit,
        amount_minor, period, effective_on, available_on, posted_at)
      select deal, 'commission', deal, commission,
        row_number() over (order by partner_id, currency, effective_on, available_on),
        case when moved or date_trunc('month', effective_on::timestamp) < first_open then 'adjusted' else 'earned' end,
        partner_id, currency, case when minor > 0 then 'expense' else 'payable' end,
        case when minor > 0 then 'payable' else 'expense' end, abs(minor),
        greatest(date_trunc('month', effective_on::timestamp)::date, first_open), effective_on,
        available_on, at
      from (
        select partner_id, currency, effective_on, available_on, sum(minor) as minor,
          sum(sum(moves)) over (partition by partner_id) > 0 as moved
        from (
          select 1 as moves, partner_id, currency, case when is_redated then effective_on else effective end as effective_on,
            case when is_redated then available_on else available end as available_on,
            case credit when 'payable' then -amount_minor else amount_minor end as minor
          from ledger_moves where deal_id = deal and source = 'commission'
          union all
          select 0, partner_id, deal_currency, effective, available, commission_minor
          from commission_lines where deal_id = deal and version = commission
        ) as sides
        group by partner_id, currency, effective_on, available_on
      ) as differences where minor <> 0;
    end $$`.execute(db)
}

async function comment(
  db: Kysely<unknown>,
  tables: Readonly<Record<string, string>>,
  columns: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [table, text] of Object.entries(tables))
    await sql`comment on table ${sql.table(table)} is ${sql.lit(text)}`.execute(db)
  for (const [column, text] of Object.entries(columns))
    await sql`comment on column ${sql.ref(column)} is ${sql.lit(text)}`.execute(db)
}

import { type Kysely, sql } from 'kysely'

interface Scale {
  /** The column of an instant cut to it. */
  readonly unit: 'hour' | 'day'
  readonly type: 'timestamptz' | 'date'
  readonly changes: 'deltas' | 'changes'
  readonly spans: readonly string[]
}

const hours: Scale = {
  changes: 'deltas',
  unit: 'hour',
  type: 'timestamptz',
  spans: ['hour', 'day', 'dekad', 'month', 'quarter', 'year'],
}
const days: Scale = {
  changes: 'changes',
  unit: 'day',
  type: 'date',
  spans: ['day', 'dekad', 'month', 'year'],
}

const rollups = [
  {
    name: 'deal',
    keys: 'currency, attribution_model',
    sums: ['deals', 'revenue_minor', 'unattributed_minor'],
  },
  {
    name: 'partner',
    keys: 'currency, partner_id',
    sums: ['deals', 'payout_minor', 'percentage_bp', 'touchpoints'],
  },
  { name: 'touchpoint', keys: 'touchpoint_type', sums: ['touchpoints'] },
] as const

// Figures are kept by hours too, as most clients' days begin at another hour than those of UTC, and by quarters, so that
// a range is fewer months.
export async function up(db: Kysely<unknown>): Promise<void> {
  await rescale(db, hours, days)
  // For instances of the release before, until they are gone: they can read these, but not fold what is in them into only
  // some of the spans.
  for (const { name } of rollups) {
    await sql`
      create view ${sql.table(`${name}_changes`)} as
      select *, (hour at time zone 'UTC')::date as day from ${sql.table(`${name}_deltas`)}`.execute(db)
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop view deal_changes, partner_changes, touchpoint_changes`.execute(db)
  await rescale(db, days, hours)
}

async function rescale(db: Kysely<unknown>, to: Scale, from: Scale): Promise<void> {
  const unit = sql.ref(to.unit)
  const type = sql.raw(to.type)
  const deltas = (name: string) => sql.table(`${name}_${to.changes}`)
  const cut = (column: string) =>
    sql.raw(
      to.unit === 'hour' ? `date_trunc('hour', ${column}, 'UTC')` : `(${column} at time zone 'UTC')::date`,
    )

  // Writers wait from here on, so that what is summed up below is all there is.
  for (const { name } of rollups) {
    const changes = deltas(name)
    await sql`alter table ${sql.table(`${name}_${from.changes}`)} rename to ${sql.ref(`${name}_${to.changes}`)}`.execute(
      db,
    )
    await sql`truncate ${changes}`.execute(db)
    await sql`alter table ${changes} drop column ${sql.ref(from.unit)}, add column ${unit} ${type} not null`.execute(
      db,
    )
  }
  await sql`truncate deal_rollups, partner_rollups, touchpoint_rollups, partner_touchpoint_rollups`.execute(
    db,
  )
  for (const name of ['deal', 'partner', 'touchpoint', 'partner_touchpoint']) {
    await sql`
      alter table ${sql.table(`${name}_rollups`)} alter column starts type ${type} using starts::${type}`.execute(
      db,
    )
  }
  for (const { name } of rollups) {
    const constraint = sql.ref(`${name}_rollups_span_known`)
    const known = sql.join(to.spans.map((span) => sql.lit(span)))
    await sql`
      alter table ${sql.table(`${name}_rollups`)} drop constraint ${constraint},
        add constraint ${constraint} check (span in (${known}))`.execute(db)
  }

  await sql`drop view deal_figures, partner_figures, touchpoint_figures`.execute(db)
  await sql`
    create view deal_figures as
    select deals.id as deal_id, deals.closed_date as at, ${cut('deals.closed_date')} as ${unit},
      deals.currency, deals.attribution_model, 1 as deals, deals.amount_minor as revenue_minor,
      attributions.unattributed_minor
    from deals join attributions on attributions.deal_id = deals.id and attributions.version = deals.version
    where deals.voided_at is null`.execute(db)
  await sql`
    create view partner_figures as
    select deals.id as deal_id, deals.closed_date as at, ${cut('deals.closed_date')} as ${unit},
      deals.currency, partner_id, 1 as deals, payout_minor, percentage_bp, touchpoints
    from deals join payouts on payouts.deal_id = deals.id and payouts.version = deals.version
    where deals.voided_at is null`.execute(db)
  await sql`
    create view touchpoint_figures as
    select deal_id, timestamp as at, ${cut('timestamp')} as ${unit}, partner_id, touchpoint_type, 1 as touchpoints
    from events where voided_at is null`.execute(db)

  await sql`
    create or replace function change_figures_by_versions() returns trigger language plpgsql as $$
    begin
      insert into ${deltas('deal')} (deal_id, ${unit}, currency, attribution_model, deals, revenue_minor, unattributed_minor)
      select deal_id, ${cut('closed_date')}, currency, attribution_model, 1, amount_minor, unattributed_minor
      from added where reason <> 'deal_voided';
      if not exists (select from added where version > 1) then
        return null;
      end if;
      insert into ${deltas('deal')} (deal_id, ${unit}, currency, attribution_model, deals, revenue_minor, unattributed_minor)
      select before.deal_id, ${cut('before.closed_date')}, before.currency, before.attribution_model,
        -1, -before.amount_minor, -before.unattributed_minor
      from added join attributions before on before.deal_id = added.deal_id and before.version = added.version - 1
      where before.reason <> 'deal_voided';
      insert into ${deltas('partner')}
        (deal_id, ${unit}, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints)
      select before.deal_id, ${cut('before.closed_date')}, before.currency, before.partner_id,
        -1, -before.payout_minor, -before.percentage_bp, -before.touchpoints
      from added join payouts before on before.deal_id = added.deal_id and before.version = added.version - 1;
      return null;
    end $$`.execute(db)
  await sql`
    create or replace function change_figures_by_payouts() returns trigger language plpgsql as $$
    begin
      insert into ${deltas('partner')}
        (deal_id, ${unit}, currency, partner_id, deals, payout_minor, percentage_bp, touchpoints)
      select deal_id, ${cut('closed_date')}, currency, partner_id, 1, payout_minor, percentage_bp, touchpoints
      from added;
      return null;
    end $$`.execute(db)
  await sql`
    create or replace function change_figures_by_events() returns trigger language plpgsql as $$
    begin
      insert into ${deltas('touchpoint')} (deal_id, ${unit}, partner_id, touchpoint_type, touchpoints)
      select deal_id, ${cut('timestamp')}, partner_id, touchpoint_type, 1 from added where voided_at is null;
      return null;
    end $$`.execute(db)
  await sql`
    create or replace function change_figures_by_void_event() returns trigger language plpgsql as $$
    begin
      insert into ${deltas('touchpoint')} (deal_id, ${unit}, partner_id, touchpoint_type, touchpoints)
      values (old.deal_id, ${cut('old.timestamp')}, old.partner_id, old.touchpoint_type, -1);
      return null;
    end $$`.execute(db)

  for (const rollup of rollups) await sumUp(db, rollup.name, rollup.keys, rollup.sums, to)
  await sumUp(db, 'partner_touchpoint', 'partner_id, touchpoint_type', ['touchpoints'], {
    ...to,
    spans: ['year'],
  })
}

// Once per span, from the record itself.
async function sumUp(
  db: Kysely<unknown>,
  name: string,
  keys: string,
  sums: readonly string[],
  { unit, type, spans }: Scale,
): Promise<void> {
  const figures = name.replace('partner_touchpoint', 'touchpoint')
  const utc = unit === 'hour' ? `hour at time zone 'UTC'` : 'day::timestamp'
  const back = type === 'date' ? '::date' : ` at time zone 'UTC'`
  const third = 'least((extract(day from utc)::int - 1) / 10, 2)'
  for (const span of spans) {
    const starts =
      span === 'dekad'
        ? `(date_trunc('month', utc) + interval '10 days' * ${third})`
        : `date_trunc('${span}', utc)`
    await sql`
      insert into ${sql.table(`${name}_rollups`)} (span, starts, ${sql.raw(`${keys}, ${sums.join(', ')}`)})
      select ${sql.lit(span)}, ${sql.raw(starts + back)} as starts, ${sql.raw(keys)},
        ${sql.raw(sums.map((sum) => `sum(${sum})`).join(', '))}
      from ${sql.table(`${figures}_figures`)}, lateral (select ${sql.raw(utc)} as utc) as cut
      group by starts, ${sql.raw(keys)} order by starts`.execute(db)
  }
}

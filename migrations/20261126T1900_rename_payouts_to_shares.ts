import { type Kysely, sql } from 'kysely'

// A payout is the amount of a share. Money that is sent has a table of its own later.
const indexes = { payouts_pkey: 'shares_pkey', payouts_newest_of_partner: 'shares_newest_of_partner' }
const constraints = {
  payouts_partner_known: 'shares_partner_known',
  payouts_payout_positive: 'shares_payout_positive',
  payouts_percentage_range: 'shares_percentage_range',
  payouts_touchpoints_positive: 'shares_touchpoints_positive',
  payouts_version_known: 'shares_version_known',
}
const triggers = { payouts_append_only: 'shares_append_only' }

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table payouts rename to shares`.execute(db)
  for (const [from, to] of Object.entries(indexes))
    await sql`alter index ${sql.ref(from)} rename to ${sql.ref(to)}`.execute(db)
  for (const [from, to] of Object.entries(constraints))
    await sql`alter table shares rename constraint ${sql.ref(from)} to ${sql.ref(to)}`.execute(db)
  for (const [from, to] of Object.entries(triggers))
    await sql`alter trigger ${sql.ref(from)} on shares rename to ${sql.ref(to)}`.execute(db)
  await sql`create view payouts as select * from shares`.execute(db)
  await sql`
    comment on view payouts is 'shares under its earlier name, for queries of operators. Dropped in the next release.'`.execute(
    db,
  )
  await sql`
    comment on table shares is 'One row for each partner that a version of a split credits. Append-only.'`.execute(
    db,
  )
  await sql`comment on column shares.closed_date is 'As attributions.closed_date, for the index shares_newest_of_partner.'`.execute(
    db,
  )
  await sql`comment on column shares.currency is 'As attributions.currency, for the index shares_newest_of_partner.'`.execute(
    db,
  )
  await sql`
    comment on column attributions.amount_minor is 'Amount of the deal in minor units of currency. Equals unattributed_minor plus the sum of shares.payout_minor of this version (checked at commit).'`.execute(
    db,
  )
  await sql`
    comment on view attributions_with_shares is 'attributions with their shares as one JSON array: [partner_id, name of the partner today, percentage_bp, payout_minor, touchpoints, role] for each, the highest payout first.'`.execute(
    db,
  )
  await sql`
    create or replace function check_attribution_adds_up() returns trigger language plpgsql as $$
    declare
      paid bigint;
      percentages bigint;
      rows_found bigint;
    begin
      select coalesce(sum(payout_minor), 0), coalesce(sum(percentage_bp), 0), count(*)
        into paid, percentages, rows_found
        from shares where deal_id = new.deal_id and version = new.version;
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
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop view payouts`.execute(db)
  for (const [to, from] of Object.entries(triggers))
    await sql`alter trigger ${sql.ref(from)} on shares rename to ${sql.ref(to)}`.execute(db)
  for (const [to, from] of Object.entries(constraints))
    await sql`alter table shares rename constraint ${sql.ref(from)} to ${sql.ref(to)}`.execute(db)
  for (const [to, from] of Object.entries(indexes))
    await sql`alter index ${sql.ref(from)} rename to ${sql.ref(to)}`.execute(db)
  await sql`alter table shares rename to payouts`.execute(db)
}

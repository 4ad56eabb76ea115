import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table attributions (
      deal_id text collate "C" not null constraint attributions_deal_known references deals (id),
      version integer not null constraint attributions_version_counts check (version >= 1),
      reason text not null constraint attributions_reason_known
        check (reason in ('closed', 'late_event', 'amended', 'event_voided', 'deal_voided', 'recalculated')),
      amount_minor bigint not null,
      currency text not null,
      closed_date timestamptz(3) not null,
      closed_all_day boolean not null,
      attribution_model text not null,
      model_parameters jsonb not null,
      unattributed_minor bigint not null constraint attributions_unattributed_positive check (unattributed_minor >= 0),
      fingerprint bytea not null,
      calculated_at timestamptz(3) not null,
      transaction_id xid8 not null default pg_current_xact_id(),
      constraint attributions_pkey primary key (deal_id, version)
    )`.execute(db)
  await sql`
    create table payouts (
      deal_id text collate "C" not null,
      version integer not null,
      partner_id text collate "C" not null constraint payouts_partner_known references partners (id),
      payout_minor bigint not null constraint payouts_payout_positive check (payout_minor >= 0),
      percentage_bp integer not null constraint payouts_percentage_range check (percentage_bp between 0 and 10000),
      touchpoints integer not null constraint payouts_touchpoints_positive check (touchpoints > 0),
      role text not null,
      constraint payouts_pkey primary key (deal_id, version, partner_id),
      constraint payouts_version_known foreign key (deal_id, version) references attributions (deal_id, version)
    )`.execute(db)
  await sql`create index payouts_of_partner on payouts (partner_id, deal_id, version)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table payouts`.execute(db)
  await sql`drop table attributions`.execute(db)
}

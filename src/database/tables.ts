import type { ColumnType } from 'kysely'
import type { ApiKeyRow } from '../api-keys/schemas.ts'
import type { AuditEntry } from '../audit/schemas.ts'
import type { SourceItem } from '../bulk-import/presence-schemas.ts'
import type { EventRow, RevisionRow } from '../events/schemas.ts'
import type { MoveRow, PeriodRow, StatementRow } from '../ledger/schemas.ts'
import type { MergeRow, PartnerRow } from '../partners/schemas.ts'
import type { PlanApplicationRow } from '../plans/application-schemas.ts'
import type { PlanDefault, PlanRow, PlanVersionRow } from '../plans/schemas.ts'
import type { RefundRow } from '../refunds/schemas.ts'
import type { DealRow, ShareRow, SplitRow, VersionRow } from '../record/schemas.ts'

/** A table with these rows. An insert may omit the `Filled` columns, which have defaults, and the nullable columns. */
type Table<Row, Filled extends keyof Row = never> = {
  [Column in keyof Row]: ColumnType<
    Row[Column],
    Column extends Filled
      ? Row[Column] | undefined
      : null extends Row[Column]
        ? Row[Column] | undefined
        : Row[Column],
    Row[Column]
  >
}

export interface Database {
  partners: Table<PartnerRow, 'status' | 'credit_after_leaving' | 'has_left' | 'created_at' | 'updated_at'>
  partner_merges: Table<MergeRow, 'deals_moved' | 'created_at'>
  events: Table<EventRow, 'created_at' | 'revision'>
  event_revisions: Table<RevisionRow>
  deals: Table<DealRow, 'refunded_minor' | 'created_at' | 'updated_at'>
  refunds: Table<RefundRow, 'created_at'>
  attributions: Table<VersionRow, 'refunded_minor'>
  shares: Table<ShareRow>
  attributions_with_shares: SplitRow
  partner_deals: Table<
    Pick<ShareRow, 'partner_id' | 'closed_date' | 'deal_id' | 'currency'> & Pick<DealRow, 'attribution_model'>
  >
  source_items: Table<SourceItem>
  commission_plans: Table<PlanRow, 'created_at'>
  commission_plan_versions: Table<PlanVersionRow, 'created_at'>
  commission_plan_defaults: Table<PlanDefault, 'set_at'>
  commission_plan_applications: Table<PlanApplicationRow, 'deals_done' | 'deals_changed' | 'created_at'>
  ledger_moves: Table<MoveRow>
  periods: Table<PeriodRow>
  statements: Table<StatementRow>
  frozen_months: Table<{ month: string; frozen_at: string }, 'frozen_at'>
  api_keys: Table<ApiKeyRow, 'created_at'>
  audit: Table<AuditEntry, 'at'>
  idempotency_keys: Table<
    { key_hash: Buffer; request_hash: Buffer; status: number; answer: unknown; created_at: string },
    'created_at'
  >
  calendar: Table<{ time_zone: string; is_redating: boolean }, 'is_redating'>
  rate_limits: Table<{ subject: string; ends_at: string; taken: bigint }>
}

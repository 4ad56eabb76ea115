export type Span = 'day' | 'month' | 'year'

/**
 * A table of sums by key and span. The view `<source>_figures` computes the same values from the record. The record
 * inserts the changes of each transaction into `<source>_deltas`; `foldChanges` adds them to the rollup.
 */
export interface Rollup {
  readonly table: string
  readonly source: 'deal' | 'partner' | 'touchpoint'
  readonly spans: readonly Span[]
  readonly keys: readonly string[]
  readonly sums: readonly string[]
}

const spans = ['day', 'month', 'year'] as const

export const dealRollups: Rollup = {
  table: 'deal_rollups',
  source: 'deal',
  spans,
  keys: ['currency', 'attribution_model'],
  sums: ['deals', 'revenue_minor', 'refunded_minor', 'unattributed_minor', 'commission_minor'],
}

export const partnerRollups: Rollup = {
  table: 'partner_rollups',
  source: 'partner',
  spans,
  keys: ['currency', 'partner_id'],
  sums: ['deals', 'payout_minor', 'commission_minor', 'percentage_bp', 'touchpoints'],
}

export const touchpointRollups: Rollup = {
  table: 'touchpoint_rollups',
  source: 'touchpoint',
  spans,
  keys: ['touchpoint_type'],
  sums: ['touchpoints'],
}

/** The touchpoints of each partner, by year only: reports need no more than their number. */
export const partnerTouchpointRollups: Rollup = {
  table: 'partner_touchpoint_rollups',
  source: 'touchpoint',
  spans: ['year'],
  keys: ['partner_id', 'touchpoint_type'],
  sums: ['touchpoints'],
}

export const rollups = [dealRollups, partnerRollups, touchpointRollups, partnerTouchpointRollups] as const

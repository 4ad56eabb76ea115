/** A dekad, a term of meteorology, is a third of a month: it starts on its 1st, 11th or 21st. */
export type Span = 'hour' | 'day' | 'dekad' | 'month' | 'quarter' | 'year'

/**
 * Figures kept summed up by their keys over hours, days, dekads, months, quarters and years. The view `…_figures` says what they are; triggers
 * write what each transaction does to them to `…_deltas`, and folding adds those up in `…_rollups`.
 */
export interface Rollup {
  readonly table: string
  readonly figures: 'deal' | 'partner' | 'touchpoint'
  readonly spans: readonly Span[]
  readonly keys: readonly string[]
  readonly sums: readonly string[]
}

const spans = ['hour', 'day', 'dekad', 'month', 'quarter', 'year'] as const

export const dealRollups: Rollup = {
  table: 'deal_rollups',
  figures: 'deal',
  spans,
  keys: ['currency', 'attribution_model'],
  sums: ['deals', 'revenue_minor', 'unattributed_minor'],
}

export const partnerRollups: Rollup = {
  table: 'partner_rollups',
  figures: 'partner',
  spans,
  keys: ['currency', 'partner_id'],
  sums: ['deals', 'payout_minor', 'percentage_bp', 'touchpoints'],
}

export const touchpointRollups: Rollup = {
  table: 'touchpoint_rollups',
  figures: 'touchpoint',
  spans,
  keys: ['touchpoint_type'],
  sums: ['touchpoints'],
}

/** Of each partner, and in whole years only: all that anyone asks of them is how many there are. */
export const partnerTouchpointRollups: Rollup = {
  table: 'partner_touchpoint_rollups',
  figures: 'touchpoint',
  spans: ['year'],
  keys: ['partner_id', 'touchpoint_type'],
  sums: ['touchpoints'],
}

export const rollups = [dealRollups, partnerRollups, touchpointRollups, partnerTouchpointRollups] as const

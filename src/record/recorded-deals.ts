import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type DealRow, type DealTerms, netOf, type SplitRow } from './schemas.ts'

/** A closed deal with its current version. */
export interface RecordedDeal {
  readonly row: DealRow
  readonly fingerprint: Buffer
  readonly split: SplitRow
}

/** The closed deals with these ids, by id. Read them under the locks of the deals. */
export async function findRecorded(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RecordedDeal>> {
  if (ids.length === 0) return new Map()
  // Without the shares: most deals to close are new, and planning a statement that reads shares takes longer than this one.
  const { rows } = await sql<DealRow & { readonly fingerprint: Buffer }>`
    select deals.*, (
      select fingerprint from attributions where deal_id = deals.id and attributions.version = deals.version
    ) from deals where id = any(${ids}::text[])`.execute(db)
  if (rows.length === 0) return new Map()
  const { rows: splits } = await sql<SplitRow>`
    select * from current_attributions(${rows.map(({ id }) => id)})`.execute(db)
  const byDeal = new Map(splits.map((split) => [split.deal_id, split]))
  return new Map(
    rows.map(({ fingerprint, ...row }) => {
      return [row.id, { row, fingerprint, split: byDeal.get(row.id) as SplitRow }]
    }),
  )
}

/** The split of a version that was just recorded, from the row of its deal and the rest of the version. */
export function toSplit(
  row: DealRow,
  rest: Pick<SplitRow, 'unattributed_minor' | 'calculated_at' | 'reason' | 'cause' | 'shares'>,
): SplitRow {
  const { id, version, currency, attribution_model } = row
  const voided_at = rest.reason === 'deal_voided' ? rest.calculated_at : null
  return { deal_id: id, version, amount_minor: netOf(row), currency, attribution_model, voided_at, ...rest }
}

export function termsOf({
  amount_minor,
  currency,
  closed_date,
  closed_all_day,
  closed_on,
  closed_until,
  attribution_model,
  model_parameters,
}: DealRow): DealTerms {
  return {
    amount_minor,
    currency,
    closed_date,
    closed_all_day,
    closed_on,
    closed_until,
    attribution_model,
    model_parameters,
  }
}

/** The version that the next change of a deal makes: 1 if it is not closed. */
export function nextVersionOf(deal: RecordedDeal | undefined): number {
  return (deal?.row.version ?? 0) + 1
}

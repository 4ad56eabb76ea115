import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { DealRow, SplitRow, VersionRow } from './schemas.ts'

/** A closed deal with its current version. */
export interface RecordedDeal {
  readonly row: DealRow
  readonly fingerprint: Buffer
  readonly split: SplitRow
}

type Joined = DealRow &
  Pick<VersionRow, 'fingerprint' | 'unattributed_minor' | 'calculated_at' | 'reason' | 'cause'> &
  Pick<SplitRow, 'shares'>

/** The closed deals with these ids, by id. Read them under the locks of the deals. */
export async function findRecorded(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RecordedDeal>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql<Joined>`
    select deals.*, fingerprint, unattributed_minor, calculated_at, reason, cause, (
      select coalesce(json_agg(json_build_array(partner_id, name, percentage_bp, payout_minor, touchpoints, role)
        order by payout_minor desc, partner_id), '[]'::json)
      from shares join partners on partners.id = partner_id
      where shares.deal_id = deals.id and shares.version = deals.version
    ) as shares
    from deals join attributions on deal_id = deals.id and attributions.version = deals.version
    where deals.id = any(${ids}::text[])`.execute(db)
  return new Map(rows.map((row) => [row.id, toRecorded(row)]))
}

function toRecorded(joined: Joined): RecordedDeal {
  const { fingerprint, unattributed_minor, calculated_at, reason, cause, shares, ...row } = joined
  return {
    row,
    fingerprint,
    split: toSplit(row, { unattributed_minor, calculated_at, reason, cause, shares }),
  }
}

/** The current split of a deal, from its row and the rest of its version. */
export function toSplit(
  { id, version, amount_minor, currency, attribution_model }: DealRow,
  rest: Pick<Joined, 'unattributed_minor' | 'calculated_at' | 'reason' | 'cause' | 'shares'>,
): SplitRow {
  const voided_at = rest.reason === 'deal_voided' ? rest.calculated_at : null
  return { deal_id: id, version, amount_minor, currency, attribution_model, voided_at, ...rest }
}

/** The version that the next change of a deal makes: 1 if it is not closed. */
export function nextVersionOf(deal: RecordedDeal | undefined): number {
  return (deal?.row.version ?? 0) + 1
}

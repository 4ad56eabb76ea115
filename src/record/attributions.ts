import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { Attribution, AttributionVersion } from '../deals/schemas.ts'
import { toMajor } from '../http/money.ts'
import type { PayoutRow, VersionRow } from './schemas.ts'

type Version = Pick<
  VersionRow,
  | 'deal_id'
  | 'version'
  | 'amount_minor'
  | 'currency'
  | 'attribution_model'
  | 'unattributed_minor'
  | 'calculated_at'
  | 'reason'
>
type ShareRow = Pick<PayoutRow, 'partner_id' | 'percentage_bp' | 'touchpoints' | 'role'> & {
  partner_name: string
  payout_minor: number
}
type StoredVersion = Version & { shares: readonly ShareRow[] }

/** The split of a deal as it stands, or as it stood at an instant. */
export async function findAttribution(
  db: Kysely<Database>,
  dealId: string,
  asOf?: string,
): Promise<Attribution | undefined> {
  const versions = versionsOf(db, [dealId])
  const row = await (
    asOf === undefined
      ? versions.where(isCurrent)
      : versions.where('calculated_at', '<=', asOf).orderBy('version', 'desc').limit(1)
  ).executeTakeFirst()
  return row && toAttribution(row)
}

/** The current splits of these deals, by deal. */
export async function listAttributions(
  db: Kysely<Database>,
  dealIds: readonly string[],
): Promise<ReadonlyMap<string, Attribution>> {
  const rows = await versionsOf(db, dealIds).where(isCurrent).execute()
  return new Map(rows.map((row) => [row.deal_id, toAttribution(row)]))
}

/** Every version of a deal's split, oldest first. */
export async function listHistory(db: Kysely<Database>, dealId: string): Promise<AttributionVersion[]> {
  const rows = await versionsOf(db, [dealId]).orderBy('version').execute()
  return rows.map((row) => ({ ...toAttribution(row), reason: row.reason }))
}

const isCurrent = sql<boolean>`attributions.version = (select version from deals where id = attributions.deal_id)`

// The rows of a version come as one JSON value: amounts are below 2^53, so its numbers are exact.
function versionsOf(db: Kysely<Database>, dealIds: readonly string[]) {
  return db
    .selectFrom('attributions')
    .select([
      'attributions.deal_id',
      'attributions.version',
      'attributions.amount_minor',
      'attributions.currency',
      'attributions.attribution_model',
      'attributions.unattributed_minor',
      'attributions.calculated_at',
      'attributions.reason',
    ])
    .select(
      sql<readonly ShareRow[]>`(
        select coalesce(json_agg(json_build_object('partner_id', partner_id, 'partner_name', name,
          'percentage_bp', percentage_bp, 'payout_minor', payout_minor, 'touchpoints', touchpoints, 'role', role)
          order by payout_minor desc, partner_id), '[]'::json)
        from payouts join partners on partners.id = partner_id
        where payouts.deal_id = attributions.deal_id and payouts.version = attributions.version)`.as(
        'shares',
      ),
    )
    .where('attributions.deal_id', '=', sql<string>`any(${dealIds}::text[])`)
}

function toAttribution({ deal_id, version, currency, calculated_at, ...row }: StoredVersion): Attribution {
  return {
    deal_id,
    total_amount: toMajor(row.amount_minor, currency),
    currency,
    model: row.attribution_model,
    attributions: row.shares.map(
      ({ partner_id, partner_name, percentage_bp, payout_minor, touchpoints, role }) => ({
        partner_id,
        partner_name,
        percentage: percentage_bp / 100,
        payout: toMajor(BigInt(payout_minor), currency),
        touchpoints,
        role,
      }),
    ),
    unattributed: toMajor(row.unattributed_minor, currency),
    version,
    calculated_at,
    cached: true,
  }
}

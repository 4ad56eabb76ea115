import { type Kysely, sql } from 'kysely'
import { group } from '../database/group.ts'
import type { Database } from '../database/tables.ts'
import type { Attribution } from './schemas.ts'
import { toMajor } from '../values/money.ts'
import type { SplitRow } from '../record/schemas.ts'

/** The current split of a deal, or its split at an instant. */
export async function findAttribution(
  db: Kysely<Database>,
  dealId: string,
  asOf?: string,
): Promise<Attribution | undefined> {
  if (asOf === undefined) return (await listAttributions(db, [dealId])).get(dealId)
  const row = await db
    .selectFrom('attributions_with_shares')
    .selectAll()
    .where('deal_id', '=', dealId)
    .where('calculated_at', '<=', asOf)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && toAttribution({ ...row, shares: await oweAt(db, row, asOf) })
}

/** The shares of a version with what they owed at an instant: a change of the plan makes no version of the split. */
async function oweAt(
  db: Kysely<Database>,
  { deal_id, version, shares }: SplitRow,
  asOf: string,
): Promise<SplitRow['shares']> {
  const { rows } = await sql<{ partner_id: string; commission_minor: bigint }>`
    select partner_id, commission_minor from commission_lines
    where deal_id = ${deal_id} and version = (
      select max(version) from commission_versions
      where deal_id = ${deal_id} and split_version = ${version} and calculated_at <= ${asOf}
    )`.execute(db)
  const owed = new Map(rows.map((line) => [line.partner_id, Number(line.commission_minor)]))
  // Without lines the split is of an earlier release, and owes the payouts.
  return shares.map(([partner_id, name, percentage_bp, payout_minor, touchpoints, role]) => {
    const commission_minor = owed.get(partner_id) ?? payout_minor
    return [partner_id, name, percentage_bp, payout_minor, touchpoints, role, commission_minor]
  })
}

/** The current splits of these deals, by deal id. */
async function listAttributions(
  db: Kysely<Database>,
  dealIds: readonly string[],
): Promise<ReadonlyMap<string, Attribution>> {
  const { rows } = await sql<SplitRow>`select * from current_attributions(${dealIds})`.execute(db)
  return new Map(rows.map((row) => [row.deal_id, toAttribution(row)]))
}

/** Finds current splits; concurrent calls share one statement. */
export function groupFinds(db: Kysely<Database>): (dealId: string) => Promise<Attribution | undefined> {
  return group({
    size: 64,
    waiting: 1000,
    run: async (dealIds) => {
      const found = await listAttributions(db, dealIds)
      return dealIds.map((dealId) => found.get(dealId))
    },
  })
}

export function toAttribution({ deal_id, version, currency, calculated_at, ...row }: SplitRow): Attribution {
  return {
    deal_id,
    total_amount: toMajor(row.amount_minor, currency),
    currency,
    model: row.attribution_model,
    attributions: row.shares.map(
      ([partner_id, partner_name, percentage_bp, payout_minor, touchpoints, role, commission_minor]) => ({
        partner_id,
        partner_name,
        percentage: percentage_bp / 100,
        payout: toMajor(BigInt(payout_minor), currency),
        commission: toMajor(BigInt(commission_minor), currency),
        touchpoints,
        role,
      }),
    ),
    unattributed: toMajor(row.unattributed_minor, currency),
    version,
    calculated_at,
    voided_at: row.voided_at,
    cached: true,
  }
}

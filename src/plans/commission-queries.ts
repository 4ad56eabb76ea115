import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { VersionRow } from '../record/schemas.ts'
import { toMajor } from '../values/money.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import type { CommissionVersion } from './commission-schemas.ts'

/** A version of what a deal owes, with the amount of its split. */
export type OwedVersion = Pick<
  VersionRow,
  'deal_id' | 'amount_minor' | 'refunded_minor' | 'currency' | 'attribution_model'
> & {
  readonly version: number
  readonly split_version: number
  readonly plan_id: string
  readonly plan_version: number | null
  readonly calculated_at: string
}

export interface OwedLine {
  readonly partner_id: string
  readonly partner_name: string
  readonly payout_minor: bigint
  readonly role: string
  readonly commission_minor: bigint
  readonly partner_group: string | null
}

/**
 * What a deal owes, now or at an instant. A split without a commission is of a release without commissions: it owes the
 * payouts by the plan full.
 */
export async function findOwed(
  db: Kysely<Database>,
  dealId: string,
  asOf = 'infinity',
): Promise<OwedVersion | undefined> {
  const { rows } = await sql<OwedVersion>`
    select attributions.deal_id, amount_minor, refunded_minor, currency, attribution_model, coalesce(owed.version, 0) as version,
      attributions.version as split_version, coalesce(plan_id, 'full') as plan_id,
      case when owed.version is null then 1 else plan_version end as plan_version,
      coalesce(owed.calculated_at, attributions.calculated_at) as calculated_at
    from attributions left join lateral (
      select * from commission_versions
      where deal_id = attributions.deal_id and split_version = attributions.version and calculated_at <= ${asOf}::timestamptz
      order by version desc limit 1
    ) as owed on true
    where attributions.deal_id = ${dealId} and attributions.calculated_at <= ${asOf}::timestamptz
    order by attributions.version desc limit 1`.execute(db)
  return rows[0]
}

/** The lines of a version: one for each share of its split, the highest payout first. */
export async function listOwedLines(
  db: Kysely<Database>,
  { deal_id, version, split_version }: OwedVersion,
): Promise<readonly OwedLine[]> {
  const { rows } = await sql<OwedLine>`
    select shares.partner_id, name as partner_name, payout_minor, role, coalesce(commission_minor, payout_minor) as commission_minor,
      partner_group
    from shares join partners on partners.id = shares.partner_id
      left join commission_lines on commission_lines.deal_id = shares.deal_id and commission_lines.version = ${version}
        and commission_lines.partner_id = shares.partner_id
    where shares.deal_id = ${deal_id} and shares.version = ${split_version}
    order by payout_minor desc, shares.partner_id`.execute(db)
  return rows
}

/** The versions of what a deal owes, oldest first. */
export async function listOwedVersions(db: Kysely<Database>, dealId: string, query: PageQuery) {
  const start = readPageStart(query, 1)
  const after = Number(start.key?.[0] ?? 0)
  const { rows } = await sql<Omit<CommissionVersion, 'commission'> & { commission_minor: bigint }>`
    select commission_versions.version, split_version, plan_id, plan_version, currency, commission_minor,
      commission_versions.calculated_at, commission_versions.cause
    from commission_versions join attributions
      on attributions.deal_id = commission_versions.deal_id and attributions.version = split_version
    where commission_versions.deal_id = ${dealId} and commission_versions.version > ${after}
    order by commission_versions.version limit ${start.limit + 1}`.execute(db)
  const { page, pagination } = toPage(rows, start, ({ version }) => [String(version)])
  const versions = page.map(({ commission_minor, ...version }): CommissionVersion => {
    return { ...version, commission: toMajor(commission_minor, version.currency) }
  })
  return { versions, pagination }
}

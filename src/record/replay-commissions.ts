import { type Kysely, sql } from 'kysely'
import { computeCommission } from '../commission/commission.ts'
import type { Plan } from '../commission/plan.ts'
import type { Database } from '../database/tables.ts'
import { exponentOf } from '../values/money.ts'
import { toEarner } from './compile-plan.ts'
import { createPlanVersions } from './plan-versions.ts'
import type { VersionRow } from './schemas.ts'

/** A line as JSON: amounts are below 2^53. The last two are null where a share has no line. */
type StoredLine = readonly [
  partner_id: string,
  payout_minor: number,
  role: string,
  partner_group: string | null,
  rule: number | null,
  commission_minor: number | null,
]

type StoredCommission = Pick<
  VersionRow,
  'deal_id' | 'amount_minor' | 'refunded_minor' | 'currency' | 'attribution_model'
> & {
  readonly version: number
  readonly commission_plan_id: string
  readonly commission_plan_version: number | null
  readonly lines: readonly StoredLine[]
}

interface CommissionDifference {
  readonly deal_id: string
  readonly version: number
  readonly detail: string
}

const versionsAtOnce = 200

/** Computes every commission of these deals again from what is stored with it. Returns those that differ. */
export async function replayCommissions(
  db: Kysely<Database>,
  dealIds: readonly string[],
): Promise<readonly CommissionDifference[]> {
  const readPlans = createPlanVersions()
  const differences: CommissionDifference[] = []
  for await (const commissions of readCommissions(db, dealIds)) {
    const planOf = await readPlans(db, commissions)
    for (const commission of commissions) {
      const { deal_id, version } = commission
      const wrong = findWrongLine(commission, planOf(commission))
      if (wrong === undefined) continue
      differences.push({ deal_id, version, detail: `the commission of ${wrong} is not that of the plan` })
    }
  }
  return differences
}

/** The partner of the first line that differs. */
function findWrongLine(
  { amount_minor: net_minor, refunded_minor, currency, attribution_model: model, lines }: StoredCommission,
  plan: Plan,
): string | undefined {
  const earners = lines.map(([partner_id, payout_minor, role, group]) =>
    toEarner({ partner_id, payout_minor: BigInt(payout_minor), role, group }),
  )
  const minor_per_unit = 10n ** BigInt(exponentOf(currency))
  const amount_minor = net_minor + refunded_minor
  const deal = { amount_minor, net_minor, currency, minor_per_unit, model, earners }
  const stored = new Map(lines.map(([partner_id, , , , ...line]) => [partner_id, line]))
  const wrong = computeCommission(deal, plan).lines.find(({ partner_id, place, commission_minor }) => {
    const [rule, owed] = stored.get(partner_id) ?? []
    return rule !== place || owed !== Number(commission_minor)
  })
  return wrong?.partner_id
}

async function* readCommissions(
  db: Kysely<Database>,
  dealIds: readonly string[],
): AsyncGenerator<readonly StoredCommission[]> {
  for (let last: StoredCommission | undefined, isMore = true; isMore;) {
    const isAfter = last ? sql`(owed.deal_id, owed.version) > (${last.deal_id}, ${last.version})` : sql`true`
    const { rows }: { rows: StoredCommission[] } = await sql<StoredCommission>`
      select owed.deal_id, owed.version, plan_id as commission_plan_id, plan_version as commission_plan_version, amount_minor, refunded_minor,
        currency, attribution_model, (
          select coalesce(json_agg(json_build_array(shares.partner_id, payout_minor, role, partner_group, rule,
            lines.commission_minor)), '[]'::json)
          from shares left join commission_lines as lines on lines.deal_id = owed.deal_id
            and lines.version = owed.version and lines.partner_id = shares.partner_id
          where shares.deal_id = owed.deal_id and shares.version = owed.split_version
        ) as lines
      from commission_versions as owed join attributions
        on attributions.deal_id = owed.deal_id and attributions.version = split_version
      where owed.deal_id = any(${dealIds}::text[]) and ${isAfter}
      order by owed.deal_id, owed.version limit ${versionsAtOnce}`.execute(db)
    yield rows
    isMore = rows.length === versionsAtOnce
    last = rows.at(-1)
  }
}

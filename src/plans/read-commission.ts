import type { Kysely } from 'kysely'
import { computeCommission } from '../commission/commission.ts'
import { commissionSentence, quotaText } from '../commission/explain.ts'
import type { Database } from '../database/tables.ts'
import { findDeal } from '../deals/queries.ts'
import { DealNotFound, VersionNotFound } from '../errors.ts'
import { compilePlan, toEarner } from '../record/compile-plan.ts'
import { type Instant, parseInstant, toTimestamp } from '../values/instants.ts'
import { exponentOf, formatMoney, toMajor } from '../values/money.ts'
import { findOwed, listOwedLines, type OwedLine, type OwedVersion } from './commission-queries.ts'
import type { DealCommission, ExplainedCommission } from './commission-schemas.ts'
import { findVersion } from './queries.ts'

interface CommissionQuery {
  readonly dealId: string
  readonly explain: boolean
  readonly asOf: string | undefined
}

/** What a deal owes its partners, now or at an instant. Errors: 404. */
export async function readCommission(
  db: Kysely<Database>,
  { dealId, explain, asOf }: CommissionQuery,
): Promise<DealCommission> {
  const at = asOf && toTimestamp((parseInstant(asOf) as Instant).at)
  const owed = await findOwed(db, dealId, at)
  if (owed === undefined) {
    if ((await findDeal(db, dealId)) === undefined) throw new DealNotFound(dealId)
    throw new VersionNotFound(dealId)
  }
  const lines = await listOwedLines(db, owed)
  const explanation = explain ? { explanation: await explainLines(db, owed, lines) } : {}
  return { ...toCommission(owed, lines), ...explanation }
}

function toCommission(
  { amount_minor: _, refunded_minor: __, attribution_model: ___, ...owed }: OwedVersion,
  lines: readonly OwedLine[],
): DealCommission {
  const { currency } = owed
  const sum = lines.reduce((total, { commission_minor }) => total + commission_minor, 0n)
  return {
    ...owed,
    commission: toMajor(sum, currency),
    lines: lines.map(({ partner_id, partner_name, payout_minor, commission_minor }) => ({
      partner_id,
      partner_name,
      payout: toMajor(payout_minor, currency),
      commission: toMajor(commission_minor, currency),
    })),
  }
}

/** Computes the commission again from what is stored with it. */
async function explainLines(
  db: Kysely<Database>,
  {
    plan_id,
    plan_version,
    amount_minor: net_minor,
    refunded_minor,
    currency,
    attribution_model: model,
  }: OwedVersion,
  lines: readonly OwedLine[],
): Promise<ExplainedCommission[]> {
  const stored =
    plan_version === null ? { rules: [], cap_per_deal: null } : await findVersion(db, plan_id, plan_version)
  const plan = compilePlan(stored)
  const deal = {
    amount_minor: net_minor + refunded_minor,
    net_minor,
    currency,
    minor_per_unit: 10n ** BigInt(exponentOf(currency)),
    model,
    earners: lines.map(({ partner_id, payout_minor, role, partner_group }) =>
      toEarner({ partner_id, payout_minor, role, group: partner_group }),
    ),
  }
  const commission = computeCommission(deal, plan)
  const byPartner = new Map(lines.map((line) => [line.partner_id, line]))
  const format = (minor: bigint) => formatMoney(minor, currency)
  return commission.lines.map((line) => {
    const { partner_id, place } = line
    const { partner_name: name = partner_id, partner_group = null } = byPartner.get(partner_id) ?? {}
    const rule = place === null ? undefined : stored.rules[place]
    return {
      partner_id,
      rule_number: place === null ? null : place + 1,
      ...(rule && { rule }),
      partner_group,
      quota: quotaText(line),
      odd_unit: line.odd_unit,
      sentence:
        plan_version === null
          ? `${name} earns ${format(0n)}: the plan ${plan_id} had no version in force on the day of the close.`
          : commissionSentence(line, { name, deal, commission, cap_per_deal: plan.cap_per_deal, format }),
    }
  })
}

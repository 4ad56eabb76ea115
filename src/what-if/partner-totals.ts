import type { Split } from '../attribution/attribute.ts'
import { generalModels } from '../attribution/models.ts'
import { toMajor } from '../values/money.ts'
import { compareBigints, rankByGain } from '../values/rank-by-gain.ts'
import type { TouchRow } from '../record/schemas.ts'
import type { PartnerScenario } from './scenario-schemas.ts'

/** The splits of one deal: as it is now, under the scenario, and under each model with its default parameters. */
export interface ScenarioSplits {
  readonly now: Split
  readonly proposed: Split
  readonly under: readonly Split[]
}

/** The payouts of a partner over all deals, in minor units: now, under the scenario, and under each model. */
interface PartnerTotal {
  readonly partner_id: string
  now: bigint
  proposed: bigint
  readonly under: bigint[]
}

export type PartnerTotals = ReturnType<typeof createPartnerTotals>

/** Sums the payouts of many deals by partner. */
export function createPartnerTotals() {
  const partners = new Map<string, PartnerTotal>()
  const total = { deals: 0, touchpoints: 0, amount: 0n, unattributedNow: 0n, unattributedProposed: 0n }

  function add(amount: bigint, touches: readonly TouchRow[], { now, proposed, under }: ScenarioSplits): void {
    total.deals += 1
    total.touchpoints += touches.length
    total.amount += amount
    total.unattributedNow += now.unattributed_minor
    total.unattributedProposed += proposed.unattributed_minor
    // Partners that earn nothing are listed too.
    for (const { partner_id } of touches) totalOf(partners, partner_id)
    addShares(partners, now, (partner, payout) => (partner.now += payout))
    addShares(partners, proposed, (partner, payout) => (partner.proposed += payout))
    for (const [n, split] of under.entries()) {
      addShares(partners, split, (partner, payout) => (partner.under[n] = (partner.under[n] ?? 0n) + payout))
    }
  }

  function toResult(currency: string, names: ReadonlyMap<string, string>) {
    return {
      ...rankPartners([...partners.values()], currency, names),
      unattributed: toChange(total.unattributedNow, total.unattributedProposed, currency),
    }
  }

  return { total, add, partnerIds: () => [...partners.keys()], toResult }
}

function totalOf(partners: Map<string, PartnerTotal>, partner_id: string): PartnerTotal {
  const known = partners.get(partner_id)
  if (known !== undefined) return known
  const total = { partner_id, now: 0n, proposed: 0n, under: generalModels.map(() => 0n) }
  partners.set(partner_id, total)
  return total
}

function addShares(
  partners: Map<string, PartnerTotal>,
  { shares }: Split,
  add: (partner: PartnerTotal, payout: bigint) => void,
): void {
  for (const { partner_id, payout_minor } of shares) {
    add(totalOf(partners, partner_id), payout_minor)
  }
}

/** Lists the 1,000 partners with the largest change, largest gain first, and sums up the others. */
function rankPartners(totals: readonly PartnerTotal[], currency: string, names: ReadonlyMap<string, string>) {
  const { listed, others } = rankByGain(totals)
  const sum = (of: (partner: PartnerTotal) => bigint) =>
    others.reduce((all, partner) => all + of(partner), 0n)
  return {
    partners: listed.map((partner) =>
      toPartnerScenario(partner, names.get(partner.partner_id) ?? partner.partner_id, currency),
    ),
    others: {
      partners_count: others.length,
      ...toChange(
        sum(({ now }) => now),
        sum(({ proposed }) => proposed),
        currency,
      ),
    },
  }
}

function toPartnerScenario(
  { partner_id, now, proposed, under }: PartnerTotal,
  name: string,
  currency: string,
): PartnerScenario {
  const sorted = under.toSorted(compareBigints)
  const lowest = sorted[0] ?? 0n
  const highest = sorted.at(-1) ?? 0n
  return {
    partner_id,
    partner_name: name,
    ...toChange(now, proposed, currency),
    contested: {
      lowest: toMajor(lowest, currency),
      highest: toMajor(highest, currency),
      spread: toMajor(highest - lowest, currency),
    },
  }
}

function toChange(now: bigint, proposed: bigint, currency: string) {
  return {
    payout_now: toMajor(now, currency),
    payout_proposed: toMajor(proposed, currency),
    difference: toMajor(proposed - now, currency),
  }
}

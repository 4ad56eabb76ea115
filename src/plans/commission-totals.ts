import { toMajor } from '../values/money.ts'
import { type ProposedChange, rankByGain } from '../values/rank-by-gain.ts'
import type { PartnerCommissions } from './simulation-schemas.ts'

const nothing = { now: 0n, proposed: 0n }

/** Sums the commissions of many deals by partner. */
export function createCommissionTotals() {
  const partners = new Map<string, ProposedChange>()

  function add({ partner_id, now, proposed }: ProposedChange): void {
    const sum = partners.get(partner_id) ?? nothing
    partners.set(partner_id, { partner_id, now: sum.now + now, proposed: sum.proposed + proposed })
  }

  /** All together, the 1,000 partners with the largest change, the largest gain first, and the sums of the others. */
  function rank() {
    const all = [...partners.values()]
    const { listed, others } = rankByGain(all)
    return { listed, total: sumOf(all), others: { count: others.length, ...sumOf(others) } }
  }

  return { add, rank }
}

export function toComparison({ now, proposed }: Omit<ProposedChange, 'partner_id'>, currency: string) {
  return {
    commission_now: toMajor(now, currency),
    commission_proposed: toMajor(proposed, currency),
    difference: toMajor(proposed - now, currency),
  } satisfies Partial<PartnerCommissions>
}

function sumOf(totals: readonly ProposedChange[]) {
  return totals.reduce(
    (sum, { now, proposed }) => ({ now: sum.now + now, proposed: sum.proposed + proposed }),
    nothing,
  )
}

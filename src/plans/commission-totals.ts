import { toMajor } from '../values/money.ts'
import type { PartnerCommissions } from './simulation-schemas.ts'

/** The commissions of a partner over all deals, in minor units. */
interface PartnerTotal {
  readonly partner_id: string
  readonly now: bigint
  readonly proposed: bigint
}

const mostListed = 1000
const nothing = { now: 0n, proposed: 0n }

/** Sums the commissions of many deals by partner. */
export function createCommissionTotals() {
  const partners = new Map<string, PartnerTotal>()

  function add({ partner_id, now, proposed }: PartnerTotal): void {
    const sum = partners.get(partner_id) ?? nothing
    partners.set(partner_id, { partner_id, now: sum.now + now, proposed: sum.proposed + proposed })
  }

  /** All together, the 1,000 partners with the largest change, the largest gain first, and the sums of the others. */
  function rank() {
    const byChange = [...partners.values()].sort(
      (a, b) => compare(absolute(gainOf(b)), absolute(gainOf(a))) || compareIds(a, b),
    )
    const listed = byChange
      .slice(0, mostListed)
      .sort((a, b) => compare(gainOf(b), gainOf(a)) || compareIds(a, b))
    const others = byChange.slice(mostListed)
    return { listed, total: sumOf(byChange), others: { count: others.length, ...sumOf(others) } }
  }

  return { add, rank }
}

export function toComparison({ now, proposed }: Omit<PartnerTotal, 'partner_id'>, currency: string) {
  return {
    commission_now: toMajor(now, currency),
    commission_proposed: toMajor(proposed, currency),
    difference: toMajor(proposed - now, currency),
  } satisfies Partial<PartnerCommissions>
}

function sumOf(totals: readonly PartnerTotal[]) {
  return totals.reduce(
    (sum, { now, proposed }) => ({ now: sum.now + now, proposed: sum.proposed + proposed }),
    nothing,
  )
}

function gainOf({ now, proposed }: PartnerTotal): bigint {
  return proposed - now
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value
}

function compareIds(a: PartnerTotal, b: PartnerTotal): number {
  return a.partner_id < b.partner_id ? -1 : 1
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

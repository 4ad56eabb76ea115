/** What a partner has now, and under a proposal, in minor units. */
export interface ProposedChange {
  readonly partner_id: string
  readonly now: bigint
  readonly proposed: bigint
}

const mostListed = 1000

/** The 1,000 partners with the largest change, the largest gain first, and the other partners. */
export function rankByGain<Partner extends ProposedChange>(partners: readonly Partner[]) {
  const byChange = partners.toSorted(
    (a, b) => compareBigints(absolute(gainOf(b)), absolute(gainOf(a))) || compareIds(a, b),
  )
  const listed = byChange
    .slice(0, mostListed)
    .sort((a, b) => compareBigints(gainOf(b), gainOf(a)) || compareIds(a, b))
  return { listed, others: byChange.slice(mostListed) }
}

export function compareBigints(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function gainOf({ now, proposed }: ProposedChange): bigint {
  return proposed - now
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value
}

function compareIds(a: ProposedChange, b: ProposedChange): number {
  return a.partner_id < b.partner_id ? -1 : 1
}

import type { Attribution } from '../attribution/attribute.ts'
import { modelNames } from '../attribution/models.ts'
import { invalid } from '../errors.ts'
import { toMajor } from '../values/money.ts'
import type { TouchRow } from '../record/schemas.ts'
import type { PartnerScenario } from './scenario-schemas.ts'

/** A deal's split as it stands, under the scenario, and under each model with its defaults. */
export interface Splits {
  readonly now: Attribution
  readonly proposed: Attribution
  readonly under: readonly Attribution[]
}

/** Minor units of a partner over the period: as paid now, under the scenario, and under each model. */
interface Tally {
  readonly partner_id: string
  readonly name: string
  now: bigint
  proposed: bigint
  readonly under: bigint[]
}

const mostPartners = 100_000
const mostListed = 1000

export type Tallies = ReturnType<typeof createTallies>

/** Adds up by partner what many deals pay. Errors: 400 where the partners are too many. */
export function createTallies() {
  const tallies = new Map<string, Tally>()
  const total = { deals: 0, touchpoints: 0, amount: 0n, unattributedNow: 0n, unattributedProposed: 0n }

  function add(amount: bigint, touches: readonly TouchRow[], { now, proposed, under }: Splits): void {
    total.deals += 1
    total.touchpoints += touches.length
    total.amount += amount
    total.unattributedNow += now.unattributed_minor
    total.unattributedProposed += proposed.unattributed_minor
    for (const { partner_id, partner_name: name } of touches) {
      if (!tallies.has(partner_id))
        tallies.set(partner_id, { partner_id, name, now: 0n, proposed: 0n, under: modelNames.map(() => 0n) })
    }
    if (tallies.size > mostPartners) {
      const detail = `The deals of the period have more than ${mostPartners} partners: choose a shorter one.`
      throw invalid([{ pointer: '/start_date', detail }])
    }
    addShares(tallies, now, (tally, payout) => (tally.now += payout))
    addShares(tallies, proposed, (tally, payout) => (tally.proposed += payout))
    for (const [n, split] of under.entries()) {
      addShares(tallies, split, (tally, payout) => (tally.under[n] = (tally.under[n] ?? 0n) + payout))
    }
  }

  /** The partners with the largest moves, largest gain first, and all others in one sum. */
  function toResult(currency: string) {
    const byMove = [...tallies.values()].sort((a, b) => compare(moveOf(b), moveOf(a)) || byId(a, b))
    const listed = byMove.slice(0, mostListed).sort((a, b) => compare(gainOf(b), gainOf(a)) || byId(a, b))
    const others = byMove.slice(mostListed)
    const sum = (of: (tally: Tally) => bigint) => others.reduce((all, tally) => all + of(tally), 0n)
    return {
      partners: listed.map((tally) => toPartnerScenario(tally, currency)),
      others: {
        partners_count: others.length,
        ...toMove(
          sum(({ now }) => now),
          sum(({ proposed }) => proposed),
          currency,
        ),
      },
      unattributed: toMove(total.unattributedNow, total.unattributedProposed, currency),
    }
  }

  return { total, add, toResult }
}

function addShares(
  tallies: ReadonlyMap<string, Tally>,
  { shares }: Attribution,
  count: (tally: Tally, payout: bigint) => void,
): void {
  for (const { partner_id, payout_minor } of shares) count(tallies.get(partner_id) as Tally, payout_minor)
}

function toPartnerScenario(
  { partner_id, name, now, proposed, under }: Tally,
  currency: string,
): PartnerScenario {
  const sorted = under.toSorted(compare)
  const lowest = sorted[0] ?? 0n
  const highest = sorted.at(-1) ?? 0n
  return {
    partner_id,
    partner_name: name,
    ...toMove(now, proposed, currency),
    contested: {
      lowest: toMajor(lowest, currency),
      highest: toMajor(highest, currency),
      spread: toMajor(highest - lowest, currency),
    },
  }
}

function toMove(now: bigint, proposed: bigint, currency: string) {
  return {
    payout_now: toMajor(now, currency),
    payout_proposed: toMajor(proposed, currency),
    difference: toMajor(proposed - now, currency),
  }
}

function gainOf({ now, proposed }: Tally): bigint {
  return proposed - now
}

function moveOf(tally: Tally): bigint {
  const gain = gainOf(tally)
  return gain < 0n ? -gain : gain
}

function byId(a: Tally, b: Tally): number {
  return a.partner_id < b.partner_id ? -1 : 1
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

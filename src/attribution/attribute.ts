import { settle } from './allocate.ts'
import { qualify, type Journey } from './journey.ts'
import { weigh } from './models.ts'
import { divider, gather } from './partner-scores.ts'

export interface Share {
  readonly partner_id: string
  readonly payout_minor: bigint
  /** Hundredths of a percent of the deal. */
  readonly percentage_bp: number
  readonly touchpoints: number
  readonly role: string
}

export interface Attribution {
  readonly shares: readonly Share[]
  readonly unattributed_minor: bigint
}

/** Splits a deal among the partners that touched it; shares and `unattributed_minor` add up to its amount. */
export function attribute(journey: Journey): Attribution {
  const { amount_minor, model, parameters } = journey
  const { qualifying } = qualify(journey)
  const weighing = weigh(model, qualifying, parameters)
  const stakes = gather(qualifying, weighing)
  if (stakes.length === 0)
    return Object.freeze({ shares: Object.freeze([]), unattributed_minor: amount_minor })
  const dueOf = divider(stakes, weighing.halfLife)
  const payouts = settle(dueOf(amount_minor))
  const percentages = settle(dueOf(10_000n))
  const shares = stakes.map((stake, holder) =>
    Object.freeze({
      partner_id: stake.partner_id,
      payout_minor: BigInt(payouts[holder]!),
      percentage_bp: Number(percentages[holder]),
      touchpoints: stake.touches.length,
      role: stake.role,
    }),
  )
  shares.sort(byPayout)
  return Object.freeze({ shares: Object.freeze(shares), unattributed_minor: 0n })
}

function byPayout(a: Share, b: Share): number {
  if (a.payout_minor !== b.payout_minor) return a.payout_minor > b.payout_minor ? -1 : 1
  return a.partner_id < b.partner_id ? -1 : 1
}

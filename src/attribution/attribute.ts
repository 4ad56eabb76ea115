import { assignUnits } from './allocate.ts'
import { qualify, type Journey } from './journey.ts'
import { weigh } from './models.ts'
import { divideAmong, scorePartners, withRest } from './partner-scores.ts'

export interface PartnerShare {
  readonly partner_id: string
  readonly payout_minor: bigint
  /** Hundredths of a percent of the deal. */
  readonly percentage_bp: number
  readonly touchpoints: number
  readonly role: string
}

export interface Split {
  readonly shares: readonly PartnerShare[]
  readonly unattributed_minor: bigint
  /** What the percentages leave of 100 %, in hundredths of a percent. 0 if there are no shares. */
  readonly unattributed_bp: number
}

/** Splits a deal among its partners; shares and `unattributed_minor` add up to its amount. */
export function attribute(journey: Journey, { qualifying } = qualify(journey)): Split {
  const { amount_minor } = journey
  const weighing = weigh(journey, qualifying)
  const partners = scorePartners(qualifying, weighing)
  if (partners.length === 0)
    return Object.freeze({ shares: Object.freeze([]), unattributed_minor: amount_minor, unattributed_bp: 0 })
  const quotasOf = divideAmong(withRest(partners, weighing), weighing.halfLife)
  const payouts = assignUnits(quotasOf(amount_minor))
  const percentages = assignUnits(quotasOf(10_000n))
  const shares = partners.map(({ partner_id, touches, role }, holder) =>
    Object.freeze({
      partner_id,
      payout_minor: BigInt(payouts[holder]!),
      percentage_bp: Number(percentages[holder]),
      touchpoints: touches.length,
      role,
    }),
  )
  shares.sort(byPayout)
  return Object.freeze({
    shares: Object.freeze(shares),
    unattributed_minor: BigInt(payouts[partners.length] ?? 0),
    unattributed_bp: Number(percentages[partners.length] ?? 0),
  })
}

function byPayout(a: PartnerShare, b: PartnerShare): number {
  if (a.payout_minor !== b.payout_minor) return a.payout_minor > b.payout_minor ? -1 : 1
  return a.partner_id < b.partner_id ? -1 : 1
}

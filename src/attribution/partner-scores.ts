import { divide, type Quotas } from './allocate.ts'
import { decayQuotas } from './decay.ts'
import { touchpointTypes, type Touch, type TouchpointType } from './touch.ts'
import type { Weighing } from './models.ts'

/** Touches that are paid together, and what they weigh. */
export interface Holder {
  readonly touches: readonly Touch[]
  readonly score: number
}

/** A partner's part in a deal, before it is money. */
export interface Stake extends Holder {
  readonly partner_id: string
  /** The distinct types of its touches, in words. */
  readonly role: string
}

const sortedTypes = touchpointTypes.toSorted()
const bits = Object.fromEntries(sortedTypes.map((type, n) => [type, 1 << n])) as Record<
  TouchpointType,
  number
>
const roles = Array.from({ length: 1 << sortedTypes.length }, (_, set) =>
  sortedTypes.filter((type) => set & bits[type]).join(', '),
)

/** The partners that score, in the order that breaks ties: the earlier first touch, then the lower id. */
export function gather(touches: readonly Touch[], { weights, once }: Weighing): readonly Stake[] {
  const stakes = new Map<string, { touches: Touch[]; score: number; types: number }>()
  let index = 0
  for (const touch of touches) {
    const weight = weights[index++]!
    const type = bits[touch.touchpoint_type]
    const stake = stakes.get(touch.partner_id)
    if (stake === undefined) {
      stakes.set(touch.partner_id, { touches: [touch], score: weight, types: type })
      continue
    }
    stake.touches.push(touch)
    if (once !== true) stake.score += weight
    stake.types |= type
  }
  const scoring: Stake[] = []
  for (const [partner_id, { touches, score, types }] of stakes) {
    if (score > 0) scoring.push({ partner_id, touches, score, role: roles[types]! })
  }
  return scoring.sort(byFirstTouch)
}

/** What each holder is due of some units. */
export function divider(holders: readonly Holder[], halfLife: number | undefined): (units: bigint) => Quotas {
  const scores = holders.map(({ score }) => score)
  if (halfLife === undefined) return (units) => divide(units, scores)
  const touchpoints = holders.reduce((count, { touches }) => count + touches.length, 0)
  const ages = () => {
    const last = holders.reduce((latest, { touches }) => Math.max(latest, touches.at(-1)!.at), -Infinity)
    return holders.map(({ touches }) => touches.map(({ at }) => last - at))
  }
  return (units) => decayQuotas(units, { scores, touchpoints, halfLife, ages })
}

function byFirstTouch(a: Stake, b: Stake): number {
  return a.touches[0]!.at - b.touches[0]!.at || (a.partner_id < b.partner_id ? -1 : 1)
}

import { divide, type Quotas } from './allocate.ts'
import { decayQuotas } from './decay-quotas.ts'
import { touchpointTypes, type Touch, type TouchpointType } from './touch.ts'
import type { Weighing } from './models.ts'

/** A partner, or a single touch, among which units are divided by score. */
export interface Holder {
  readonly touches: readonly Touch[]
  readonly score: number
}

export interface PartnerScore extends Holder {
  readonly partner_id: string
  /** The distinct types of its touches, sorted, as text. */
  readonly role: string
}

const sortedTypes = touchpointTypes.toSorted()
const bits = Object.fromEntries(sortedTypes.map((type, n) => [type, 1 << n])) as Record<
  TouchpointType,
  number
>
// The text of each set of types, by the bits of the set.
const roles = Array.from({ length: 1 << sortedTypes.length }, (_, set) =>
  sortedTypes.filter((type) => set & bits[type]).join(', '),
)

/**
 * The partners with a score above 0, in the order that breaks ties: earlier first touch, then lower id. Agreed ones go by id
 * alone.
 */
export function scorePartners(
  touches: readonly Touch[],
  { weights, once, agreed }: Weighing,
): readonly PartnerScore[] {
  const partners = new Map<string, { touches: Touch[]; score: number; types: number }>()
  for (const [partner_id, score] of agreed ?? []) partners.set(partner_id, { touches: [], score, types: 0 })
  let index = 0
  for (const touch of touches) {
    const weight = weights[index++]!
    const type = bits[touch.touchpoint_type]
    const partner = partners.get(touch.partner_id)
    if (partner === undefined) {
      partners.set(touch.partner_id, { touches: [touch], score: weight, types: type })
      continue
    }
    partner.touches.push(touch)
    if (once !== true) partner.score += weight
    partner.types |= type
  }
  const scoring: PartnerScore[] = []
  for (const [partner_id, { touches, score, types }] of partners) {
    if (score > 0) scoring.push({ partner_id, touches, score, role: roles[types]! })
  }
  return agreed === undefined ? scoring.sort(byFirstTouch) : scoring
}

/** The partners, and behind them, so that it loses every tie, the rest that an agreement leaves to nobody. */
export function withRest(partners: readonly PartnerScore[], { unit, agreed }: Weighing): readonly Holder[] {
  if (agreed === undefined) return partners
  const rest = partners.reduce((left, { score }) => left - score, unit)
  return rest === 0 ? partners : [...partners, { touches: [], score: rest }]
}

/** Returns a function that computes the holders' quotas of some units. */
export function divideAmong(
  holders: readonly Holder[],
  halfLife: number | undefined,
): (units: bigint) => Quotas {
  const scores = holders.map(({ score }) => score)
  if (halfLife === undefined) return (units) => divide(units, scores)
  const touchpoints = holders.reduce((count, { touches }) => count + touches.length, 0)
  const ages = () => {
    const last = holders.reduce((latest, { touches }) => Math.max(latest, touches.at(-1)!.at), -Infinity)
    return holders.map(({ touches }) => touches.map(({ at }) => last - at))
  }
  return (units) => decayQuotas(units, { scores, touchpoints, halfLife, ages })
}

function byFirstTouch(a: PartnerScore, b: PartnerScore): number {
  return a.touches[0]!.at - b.touches[0]!.at || (a.partner_id < b.partner_id ? -1 : 1)
}

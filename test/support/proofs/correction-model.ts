import { attribute } from '../../../src/attribution/attribute.ts'
import { type Journey, qualify } from '../../../src/attribution/journey.ts'
import { type ModelName, resolveParameters } from '../../../src/attribution/models.ts'
import type { TouchpointType } from '../../../src/attribution/touch.ts'

export interface ModelEvent {
  readonly id: string
  readonly partner_id: string
  readonly deal_id: string
  readonly touchpoint_type: TouchpointType
  readonly timestamp: string
  readonly is_void: boolean
}

export interface ModelDeal {
  readonly id: string
  readonly amount: number
  readonly currency: string
  readonly closed_date: string
  readonly attribution_model: ModelName
  readonly shares: readonly ModelShare[]
  readonly is_void: boolean
}

export interface ModelShare {
  readonly partner_id: string
  readonly percentage: number
}

export interface ModelSplit {
  readonly currency: string
  readonly total_amount: number
  readonly unattributed: number
  /** Partner, percentage, payout, touchpoints and role, the highest payout first. */
  readonly attributions: readonly (readonly [string, number, number, number, string])[]
}

const exponents: Readonly<Record<string, number>> = { USD: 2, EUR: 2, JPY: 0 }
const window = { close_grace_minutes: 60, lookback_days: 10 }

/** What the service should say after a sequence of changes: the plain facts of today, and each split that they ever gave. */
export function createModel() {
  const mergedInto = new Map<string, string>()
  const events = new Map<string, ModelEvent>()
  const deals = new Map<string, ModelDeal>()
  const histories = new Map<string, { readonly inputs: string; readonly split: ModelSplit }[]>()

  function journeyOf({
    id,
    amount,
    currency,
    closed_date,
    attribution_model,
    shares,
    is_void,
  }: ModelDeal): Journey {
    const touches = [...events.values()].filter(({ deal_id }) => deal_id === id)
    return {
      amount_minor: BigInt(Math.round(amount * 10 ** (exponents[currency] as number))),
      currency,
      closed_at: Date.parse(closed_date),
      closed_until: null,
      is_void,
      model: attribution_model,
      parameters: resolveParameters(attribution_model, { shares }, window),
      touches: touches.map(({ timestamp, ...touch }) => ({ ...touch, at: Date.parse(timestamp) })),
    }
  }

  /** A deal whose inputs changed has one more version. */
  function record(): void {
    for (const deal of deals.values()) {
      const journey = journeyOf(deal)
      const { touches: _, amount_minor, ...terms } = journey
      const inputs = JSON.stringify([terms, Number(amount_minor), qualify(journey).qualifying])
      const history = histories.get(deal.id) ?? []
      if (history.at(-1)?.inputs !== inputs)
        histories.set(deal.id, [...history, { inputs, split: splitOf(journey) }])
    }
  }

  const ownerOf = (partnerId: string) => mergedInto.get(partnerId) ?? partnerId
  function moveShares(shares: readonly ModelShare[]): readonly ModelShare[] {
    const byOwner = Map.groupBy(shares, ({ partner_id }) => ownerOf(partner_id))
    const summed = [...byOwner].map(([partner_id, own]) => {
      return { partner_id, percentage: own.reduce((sum, { percentage }) => sum + percentage, 0) }
    })
    return summed.toSorted((a, b) => (a.partner_id < b.partner_id ? -1 : 1))
  }

  return {
    events,
    deals,
    isMerged: (partnerId: string) => mergedInto.has(partnerId),
    setEvent(event: ModelEvent) {
      events.set(event.id, { ...event, partner_id: ownerOf(event.partner_id) })
      record()
    },
    setDeal(deal: ModelDeal) {
      const shares = deal.attribution_model === 'agreed' ? deal.shares : []
      deals.set(deal.id, { ...deal, shares: deal.is_void ? shares : moveShares(shares) })
      record()
    },
    merge(partnerId: string, into: string) {
      for (const [id, owner] of mergedInto) if (owner === partnerId) mergedInto.set(id, into)
      mergedInto.set(partnerId, into)
      for (const event of events.values())
        events.set(event.id, { ...event, partner_id: ownerOf(event.partner_id) })
      for (const deal of deals.values())
        if (!deal.is_void) deals.set(deal.id, { ...deal, shares: moveShares(deal.shares) })
      record()
    },
    versionsOf: (dealId: string) => (histories.get(dealId) ?? []).map(({ split }) => split),
  }
}

function splitOf(journey: Journey): ModelSplit {
  const { shares, unattributed_minor } = attribute(journey)
  const toMajor = (minor: bigint) => Number(minor) / 10 ** (exponents[journey.currency] as number)
  const rows = shares.toSorted((a, b) =>
    a.payout_minor === b.payout_minor
      ? a.partner_id < b.partner_id
        ? -1
        : 1
      : a.payout_minor > b.payout_minor
        ? -1
        : 1,
  )
  return {
    currency: journey.currency,
    total_amount: toMajor(journey.amount_minor),
    unattributed: toMajor(unattributed_minor),
    attributions: rows.map(({ partner_id, percentage_bp, payout_minor, touchpoints, role }) => {
      return [partner_id, percentage_bp / 100, toMajor(payout_minor), touchpoints, role] as const
    }),
  }
}

export type Model = ReturnType<typeof createModel>

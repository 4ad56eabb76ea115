import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { modelNames, type Parameters, type Window } from '../attribution/models.ts'
import { type Attribution as Split, attribute } from '../attribution/attribute.ts'
import type { Database } from '../database/tables.ts'
import { DealNotFound, invalid } from '../errors.ts'
import { mostPartners } from '../events/schemas.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import { parseInstant, toTimestamp } from '../values/instants.ts'
import { toMajor } from '../values/money.ts'
import { listTouchesOf, toJourney } from '../record/journeys.ts'
import type { TouchRow } from '../record/schemas.ts'
import type { Memo } from '../record/memo.ts'
import { createPauses } from '../record/pauses.ts'
import { type DealDefaults, readFacts, resolve } from '../record/read-facts.ts'
import { findDeal, listPartnerNames } from '../deals/queries.ts'
import type { Share } from '../splits/schemas.ts'
import type { Comparison, SimulatedAttribution, Simulation } from './schemas.ts'

/** A deal's split under every model with its default parameters. Errors: 404. */
export async function compareModels(
  db: Kysely<Database>,
  memo: Memo,
  window: Window,
  { dealId, signal }: { readonly dealId: string; readonly signal: AbortSignal },
): Promise<Comparison> {
  const deal = await findDeal(db, dealId)
  if (deal === undefined) throw new DealNotFound(dealId)
  const touches = await listTouchesOf(db, dealId)
  const names = new Map(touches.map(({ partner_id, partner_name }) => [partner_id, partner_name]))
  const pause = createPauses(signal)
  const models: Comparison['models'] = []
  const journey = toJourney(deal, deal.voided_at !== null, touches)
  for (const model of modelNames) {
    const split = memo({ ...journey, model, parameters: resolve(model, {}, window) as Parameters })
    models.push({ model, ...toShares(split, names, deal.currency) })
    await pause()
  }
  return {
    deal_id: dealId,
    total_amount: toMajor(deal.amount_minor, deal.currency),
    currency: deal.currency,
    models,
  }
}

/** The split of a deal that exists only in the request. A partner nobody registered goes by its id. Errors: 400. */
export async function simulate(
  db: Kysely<Database>,
  defaults: DealDefaults,
  { events, ...deal }: Simulation,
): Promise<SimulatedAttribution> {
  const facts = readFacts(deal, defaults)
  const touches = readTouches(events)
  const partnerIds = new Set(touches.map(({ partner_id }) => partner_id))
  if (partnerIds.size > mostPartners) {
    throw invalid([{ pointer: '/events', detail: `A deal has at most ${mostPartners} partners.` }])
  }
  const names = await listPartnerNames(db, [...partnerIds])
  const { currency } = facts
  return {
    total_amount: toMajor(facts.amount_minor, currency),
    currency,
    model: facts.attribution_model,
    ...toShares(attribute(toJourney(facts, false, touches)), names, currency),
    calculated_at: toTimestamp(Date.now()),
    cached: false,
  }
}

function toShares(
  { shares, unattributed_minor }: Split,
  names: ReadonlyMap<string, string>,
  currency: string,
) {
  return {
    attributions: shares.map(({ partner_id, percentage_bp, payout_minor, touchpoints, role }): Share => ({
      partner_id,
      partner_name: names.get(partner_id) ?? partner_id,
      percentage: percentage_bp / 100,
      payout: toMajor(payout_minor, currency),
      touchpoints,
      role,
    })),
    unattributed: toMajor(unattributed_minor, currency),
  }
}

// As when they are stored, an id counts once and cannot stand for two different events.
function readTouches(events: Simulation['events']): TouchRow[] {
  const now = Date.now()
  const byId = new Map<string, Simulation['events'][number]>()
  for (const [index, event] of events.entries()) {
    const id = event.id ?? uuid()
    const first = byId.get(id)
    if (first !== undefined && canonicalJson(first) !== canonicalJson(event)) {
      throw invalid([{ pointer: `/events/${index}/id`, detail: `The id ${id} stands for two events.` }])
    }
    byId.set(id, event)
  }
  return [...byId].map(([id, { partner_id, touchpoint_type, timestamp }]) => ({
    id,
    deal_id: '',
    partner_id,
    partner_name: partner_id,
    touchpoint_type,
    timestamp: toTimestamp(timestamp === undefined ? now : (parseInstant(timestamp)?.at as number)),
    known_from: 1,
    void_from: null,
  }))
}

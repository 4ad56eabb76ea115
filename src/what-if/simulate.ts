import type { Kysely } from 'kysely'
import { v7 as uuid } from 'uuid'
import { attribute, type Split } from '../attribution/attribute.ts'
import type { Journey } from '../attribution/journey.ts'
import { generalModels, type Parameters } from '../attribution/models.ts'
import type { Database } from '../database/tables.ts'
import { DealNotFound, invalid } from '../errors.ts'
import { mostPartners } from '../events/schemas.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import type { Calendar } from '../values/calendar.ts'
import { parseMoment, toTimestamp } from '../values/instants.ts'
import { toMajor } from '../values/money.ts'
import { agreedPartnersOf } from '../record/agreed-partners.ts'
import { listTouches, toJourney } from '../record/journeys.ts'
import { listPartnerNames } from '../record/partner-names.ts'
import { netOf, type TouchRow } from '../record/schemas.ts'
import type { Memo } from '../record/memo.ts'
import { type DealDefaults, readTerms, resolve } from '../record/read-terms.ts'
import { listUncredited } from '../record/uncredited-partners.ts'
import { createYield } from '../record/yield-thread.ts'
import { findDeal } from '../deals/queries.ts'
import type { Comparison, SimulatedAttribution, SimulatedShare, Simulation } from './schemas.ts'

interface ComparisonQuery {
  readonly memo: Memo
  readonly defaults: DealDefaults
  readonly dealId: string
  readonly signal: AbortSignal
}

/** The split of a deal under every model, with default parameters; under `agreed` only if it is agreed. Errors: 404. */
export async function compareModels(
  db: Kysely<Database>,
  { memo, defaults, dealId, signal }: ComparisonQuery,
): Promise<Comparison> {
  const deal = await findDeal(db, dealId)
  if (deal === undefined) throw new DealNotFound(dealId)
  const touches = await listTouches(db, [dealId])
  const names = new Map([
    ...touches.map(({ partner_id, partner_name }) => [partner_id, partner_name] as const),
    ...(await listPartnerNames(db, agreedPartnersOf(deal))),
  ])
  const yieldThread = createYield(signal)
  const models: Comparison['models'] = []
  const uncredited = await listUncredited(db, defaults.calendar, [{ deal_id: dealId, terms: deal, touches }])
  const amount_minor = netOf(deal)
  const terms = { ...deal, amount_minor }
  const state = { terms, is_void: deal.voided_at !== null, uncredited: uncredited.get(dealId) }
  const journey = toJourney(state, touches)
  const alternatives: Journey[] = generalModels.map((model) => ({
    ...journey,
    model,
    parameters: resolve(model, {}, defaults) as Parameters,
  }))
  if (journey.model === 'agreed') alternatives.push(journey)
  for (const alternative of alternatives) {
    const { model } = alternative
    models.push({ model, ...toShares(memo(alternative), names, deal.currency) })
    await yieldThread()
  }
  return {
    deal_id: dealId,
    total_amount: toMajor(amount_minor, deal.currency),
    currency: deal.currency,
    models,
  }
}

/** The split of a deal that exists only in the request; a partner that is not registered has its id as name. Errors: 400. */
export async function simulate(
  db: Kysely<Database>,
  defaults: DealDefaults,
  { events, ...deal }: Simulation,
): Promise<SimulatedAttribution> {
  const terms = readTerms(deal, defaults)
  const touches = toTouchRows(events, defaults.calendar)
  const partnerIds = new Set(touches.map(({ partner_id }) => partner_id))
  if (partnerIds.size > mostPartners) {
    throw invalid([{ pointer: '/events', detail: `A deal has at most ${mostPartners} partners.` }])
  }
  const names = await listPartnerNames(db, [...partnerIds, ...agreedPartnersOf(terms)])
  const uncredited = await listUncredited(db, defaults.calendar, [{ deal_id: '', terms, touches }])
  const { currency } = terms
  return {
    total_amount: toMajor(terms.amount_minor, currency),
    currency,
    model: terms.attribution_model,
    ...toShares(
      attribute(toJourney({ terms, is_void: false, uncredited: uncredited.get('') }, touches)),
      names,
      currency,
    ),
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
    attributions: shares.map(
      ({ partner_id, percentage_bp, payout_minor, touchpoints, role }): SimulatedShare => ({
        partner_id,
        partner_name: names.get(partner_id) ?? partner_id,
        percentage: percentage_bp / 100,
        payout: toMajor(payout_minor, currency),
        touchpoints,
        role,
      }),
    ),
    unattributed: toMajor(unattributed_minor, currency),
  }
}

// As for stored events: an id counts once, and two different events cannot have the same id.
function toTouchRows(events: Simulation['events'], calendar: Calendar): TouchRow[] {
  const now = Date.now()
  const byId = new Map<string, Simulation['events'][number]>()
  for (const [index, event] of events.entries()) {
    const id = event.id ?? uuid()
    const first = byId.get(id)
    if (first !== undefined && canonicalJson(first) !== canonicalJson(event)) {
      throw invalid([{ pointer: `/events/${index}/id`, detail: `Two different events have the id ${id}.` }])
    }
    byId.set(id, event)
  }
  return [...byId].map(([id, { partner_id, touchpoint_type, timestamp }]) => ({
    id,
    deal_id: '',
    partner_id,
    partner_name: partner_id,
    touchpoint_type,
    timestamp: toTimestamp(timestamp === undefined ? now : (parseMoment(timestamp, calendar)?.at as number)),
    happened_on: null,
    known_from: 1,
    void_from: null,
    // Not known without a statement, which the split needs anyway.
    has_left: true,
  }))
}

import type { Kysely } from 'kysely'
import type { Split } from '../attribution/attribute.ts'
import { type ExplainedTouch, explainLeftovers, explainTouches, sentence } from '../attribution/explain.ts'
import type { Journey } from '../attribution/journey.ts'
import type { Touch } from '../attribution/touch.ts'
import type { Database } from '../database/tables.ts'
import { DealNotFound, VersionNotFound } from '../errors.ts'
import type { Calendar } from '../values/calendar.ts'
import { type Instant, parseInstant, toTimestamp } from '../values/instants.ts'
import { formatMoney, toMajor } from '../values/money.ts'
import { findAttribution } from './queries.ts'
import { findVersion } from '../record/journeys.ts'
import { listRevisions, toPastJourney } from '../record/past-journey.ts'
import { listPartnerNames } from '../record/partner-names.ts'
import type { Memo } from '../record/memo.ts'
import { listUncreditedOf } from '../record/uncredited-partners.ts'
import { underRulesOf } from '../record/version-rules.ts'
import { createYield } from '../record/yield-thread.ts'
import type { ExplainedAttribution, Explanation } from './explanation-schemas.ts'
import type { Attribution } from './schemas.ts'

/** The current split of a deal. Errors: 404. */
export async function getCurrent(
  find: (dealId: string) => Promise<Attribution | undefined>,
  dealId: string,
): Promise<Attribution> {
  const attribution = await find(dealId)
  if (attribution === undefined) throw new DealNotFound(dealId)
  return attribution
}

/** The current split of a deal, or its split at an instant. Errors: 404. */
export function getAttributionAt(db: Kysely<Database>, dealId: string, asOf?: string): Promise<Attribution> {
  return asOf === undefined
    ? getCurrent((id) => findAttribution(db, id), dealId)
    : getPast(db, dealId, toTimestamp((parseInstant(asOf) as Instant).at))
}

interface ExplainQuery {
  readonly calendar: Calendar
  readonly memo: Memo
  readonly dealId: string
  readonly asOf: string | undefined
  readonly signal: AbortSignal
}

/** The split of a deal with its explanation. Errors: 404. */
export async function explainAttribution(
  db: Kysely<Database>,
  { calendar, memo, dealId, asOf, signal }: ExplainQuery,
): Promise<ExplainedAttribution> {
  const attribution = await getAttributionAt(db, dealId, asOf)
  const { version } = attribution
  const state = await findVersion(db, dealId, version)
  const touches = await listRevisions(db, [dealId])
  const at = asOf === undefined ? Infinity : (parseInstant(asOf) as Instant).at
  const yieldThread = createYield(signal)
  const uncredited = await listUncreditedOf(db, { calendar, version, state, touches })
  const known = toPastJourney({ ...state, uncredited }, touches, { version, at })
  await yieldThread()
  const journey = underRulesOf(state, known) ?? known
  await yieldThread()
  const credited = attribution.attributions.map(({ partner_id }) => partner_id)
  const touching = known.touches.map(({ partner_id }) => partner_id)
  const names = await listPartnerNames(db, [...new Set([...credited, ...touching])])
  const explanation = await explainJourney(journey, { memo, names, yieldThread })
  // The answer of a full deal is serialized in one piece.
  await yieldThread()
  return { ...attribution, explanation }
}

async function getPast(db: Kysely<Database>, dealId: string, asOf: string): Promise<Attribution> {
  const attribution = await findAttribution(db, dealId, asOf)
  if (attribution !== undefined) return attribution
  await getCurrent((id) => findAttribution(db, id), dealId)
  throw new VersionNotFound(dealId)
}

interface ExplainContext {
  readonly memo: Memo
  readonly names: Names
  readonly yieldThread: () => Promise<void>
}

async function explainJourney(
  journey: Journey,
  { memo, names, yieldThread }: ExplainContext,
): Promise<Explanation> {
  const { currency } = journey
  const split = memo(journey)
  await yieldThread()
  const explained = explainTouches(journey, split.shares)
  await yieldThread()
  const leftovers = explainLeftovers(journey)
  await yieldThread()
  return {
    touchpoints: explained.touches.map((touch) => toExplained(touch, names, currency)),
    excluded: explained.excluded.map(({ reason, ...touch }) => ({ ...toListed(touch, names), reason })),
    odd_units: leftovers.map(({ partner_id, rule }) => ({
      partner_id,
      amount: toMajor(1n, currency),
      rule,
    })),
    sentences: sentencesOf(split, names, journey),
  }
}

function toExplained(
  { weight, age_ms, half_life_ms, share_bp, payout_minor, ...touch }: ExplainedTouch,
  names: Names,
  currency: string,
) {
  return {
    ...toListed(touch, names),
    weight,
    age_ms,
    half_life_ms,
    percentage: share_bp / 100,
    payout: toMajor(payout_minor, currency),
  }
}

function toListed({ id, partner_id, touchpoint_type, at }: Touch, names: Names) {
  const partner_name = names.get(partner_id) ?? partner_id
  return { event_id: id, partner_id, partner_name, touchpoint_type, timestamp: toTimestamp(at) }
}

type Names = ReadonlyMap<string, string>

function sentencesOf({ shares }: Split, names: Names, { amount_minor, currency, model }: Journey) {
  const amount = formatMoney(amount_minor, currency)
  return shares.map((share) => ({
    partner_id: share.partner_id,
    sentence: sentence(share, {
      model,
      name: names.get(share.partner_id) ?? share.partner_id,
      payout: formatMoney(share.payout_minor, currency),
      amount,
    }),
  }))
}

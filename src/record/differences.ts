import { isDeepStrictEqual } from 'node:util'
import { agreedPartnersOf } from './agreed-partners.ts'
import type { RecordedDeal } from './recorded-deals.ts'
import type { Step } from './changes.ts'
import { type DealRow, type DealTerms, netOf } from './schemas.ts'

/** What reports count of a deal that is not void, and of each partner it credits. */
interface Figures {
  readonly key: DayKey
  readonly revenue_minor: bigint
  readonly refunded_minor: bigint
  readonly unattributed_minor: bigint
  readonly commission_minor: bigint
  readonly shares: ReadonlyMap<string, ShareFigures>
}

interface DayKey {
  readonly day: string
  readonly currency: string
  readonly attribution_model: string
}

interface ShareFigures {
  readonly payout_minor: bigint
  readonly commission_minor: bigint
  readonly percentage_bp: number
  readonly touchpoints: number
}

const nothing: ShareFigures = { payout_minor: 0n, commission_minor: 0n, percentage_bp: 0, touchpoints: 0 }

/** What reports add and take away after a step. Rows of one key are one difference; a row of zeros is left out. */
export function differencesOf(step: Step) {
  const [before, after] = [figuresBefore(step), figuresAfter(step)]
  const moves = before !== undefined && after !== undefined && !isSameKey(before.key, after.key)
  const pairs = moves
    ? [
        [before, undefined],
        [undefined, after],
      ]
    : [[before, after]]
  const differences = pairs.map(([from, to]) => differenceOf(step.deal_id, from, to))
  return {
    deal_deltas: differences.flatMap(({ deal }) => deal),
    partner_deltas: differences.flatMap(({ partners }) => partners),
    touchpoint_deltas: touchpointDifferences(step),
    ...listingDifferences(step),
  }
}

function figuresBefore({ before }: Step): Figures | undefined {
  if (before === undefined || before.row.voided_at !== null) return undefined
  const { row, split } = before
  const shares = new Map(
    split.shares.map(([partner_id, , percentage_bp, payout_minor, touchpoints, , commission_minor]) => [
      partner_id,
      {
        payout_minor: BigInt(payout_minor),
        commission_minor: BigInt(commission_minor),
        percentage_bp,
        touchpoints,
      },
    ]),
  )
  return toFigures(row, split.unattributed_minor, shares)
}

function figuresAfter(step: Step): Figures | undefined {
  const { next, split, commission } = step
  if (next === undefined || next.void_reason !== null) return undefined
  const unchanged = figuresBefore(step)
  const owed = new Map(commission?.lines.map((line) => [line.partner_id, line.commission_minor]))
  const shares = split?.shares.map((share) => [share.partner_id, share] as const) ?? unchanged?.shares ?? []
  const owing = new Map(
    [...shares].map(([id, share]) => [
      id,
      { ...share, commission_minor: owed.get(id) ?? unchanged?.shares.get(id)?.commission_minor ?? 0n },
    ]),
  )
  const deal = { ...next.terms, refunded_minor: next.refunded_minor }
  return toFigures(deal, (split ?? unchanged)?.unattributed_minor ?? 0n, owing)
}

function toFigures(
  deal: DealTerms & Pick<DealRow, 'refunded_minor'>,
  unattributed_minor: bigint,
  shares: ReadonlyMap<string, ShareFigures>,
): Figures {
  const commission_minor = shares.values().reduce((sum, share) => sum + share.commission_minor, 0n)
  return {
    key: keyOf(deal),
    revenue_minor: netOf(deal),
    refunded_minor: deal.refunded_minor,
    unattributed_minor,
    commission_minor,
    shares,
  }
}

// A deal without a day counts on its day in UTC until it gets one.
function keyOf({ closed_on, closed_date, currency, attribution_model }: DealTerms): DayKey {
  return { day: closed_on ?? closed_date.slice(0, 10), currency, attribution_model }
}

function isSameKey(a: DayKey, b: DayKey): boolean {
  return a.day === b.day && a.currency === b.currency && a.attribution_model === b.attribution_model
}

function differenceOf(deal_id: string, from: Figures | undefined, to: Figures | undefined) {
  const key = (to ?? from)?.key
  if (key === undefined) return { deal: [], partners: [] }
  const deals = (to === undefined ? 0 : 1) - (from === undefined ? 0 : 1)
  const revenue_minor = (to?.revenue_minor ?? 0n) - (from?.revenue_minor ?? 0n)
  const refunded_minor = (to?.refunded_minor ?? 0n) - (from?.refunded_minor ?? 0n)
  const unattributed_minor = (to?.unattributed_minor ?? 0n) - (from?.unattributed_minor ?? 0n)
  const commission_minor = (to?.commission_minor ?? 0n) - (from?.commission_minor ?? 0n)
  const isDifferent =
    deals !== 0 ||
    revenue_minor !== 0n ||
    refunded_minor !== 0n ||
    unattributed_minor !== 0n ||
    commission_minor !== 0n
  const deal = {
    deal_id,
    ...key,
    deals,
    revenue_minor: Number(revenue_minor),
    refunded_minor: Number(refunded_minor),
    unattributed_minor: Number(unattributed_minor),
    // A sum of flat amounts may exceed 2^53.
    commission_minor: String(commission_minor),
  }
  const { day, currency } = key
  const partnerIds = new Set([...(from?.shares.keys() ?? []), ...(to?.shares.keys() ?? [])])
  const partners = [...partnerIds].flatMap((partner_id) => {
    const difference = subtract(to?.shares.get(partner_id), from?.shares.get(partner_id))
    return difference === undefined ? [] : [{ partner_id, ...difference }]
  })
  return {
    deal: isDifferent ? [deal] : [],
    partners: partners.length === 0 ? [] : [{ deal_id, day, currency, partners }],
  }
}

function subtract(is: ShareFigures | undefined, was: ShareFigures | undefined) {
  const deals = (is === undefined ? 0 : 1) - (was === undefined ? 0 : 1)
  const payout_minor = (is ?? nothing).payout_minor - (was ?? nothing).payout_minor
  const commission_minor = (is ?? nothing).commission_minor - (was ?? nothing).commission_minor
  const percentage_bp = (is ?? nothing).percentage_bp - (was ?? nothing).percentage_bp
  const touchpoints = (is ?? nothing).touchpoints - (was ?? nothing).touchpoints
  const isDifferent =
    deals !== 0 || payout_minor !== 0n || commission_minor !== 0n || percentage_bp !== 0 || touchpoints !== 0
  if (!isDifferent) return undefined
  return {
    deals,
    payout_minor: Number(payout_minor),
    commission_minor: Number(commission_minor),
    percentage_bp,
    touchpoints,
  }
}

/** Touchpoints count unless they or their deal are void: a void deal takes all of its touchpoints away. */
function touchpointDifferences({ deal_id, before, next, touches, touchpoints = [] }: Step) {
  const wasVoid = isVoid(before?.row)
  const isVoidNow = isVoid(next)
  if (wasVoid && isVoidNow) return []
  const counted =
    wasVoid === isVoidNow
      ? touchpoints
      : touches
          .filter(({ void_from }) => void_from === null)
          .map(({ timestamp, happened_on, ...touch }) => ({
            ...touch,
            day: happened_on ?? timestamp.slice(0, 10),
            count: isVoidNow ? -1 : 1,
          }))
  return counted.map(({ partner_id, touchpoint_type, day, count }) => ({
    deal_id,
    day,
    partner_id,
    touchpoint_type,
    touchpoints: count,
  }))
}

function isVoid(deal: { readonly void_reason: string | null } | undefined): boolean {
  return deal !== undefined && deal.void_reason !== null
}

/** The rows of `partner_deals`: a deal is listed under every partner that has a touchpoint on it or an agreed percentage. */
function listingDifferences(step: Step) {
  const { deal_id, before, next, touches, touchpoints = [], leftBy = [], joinedBy = [] } = step
  if (next === undefined) return { unlisted: [], listed: [] }
  const rowsOf = (partnerIds: readonly string[], { currency, attribution_model, closed_date }: DealTerms) =>
    partnerIds.length === 0
      ? []
      : [{ deal_id, currency, attribution_model, closed_date, partner_ids: [...new Set(partnerIds)] }]
  const allOf = (terms: DealTerms) => [
    ...touches.map(({ partner_id }) => partner_id),
    ...agreedPartnersOf(terms),
  ]
  if (before !== undefined && isListedAlike(before, next.terms)) {
    const added = touchpoints.filter(({ count }) => count > 0).map(({ partner_id }) => partner_id)
    const staying = new Set(leftBy.length === 0 ? [] : allOf(next.terms))
    const removed = leftBy.filter((id) => !staying.has(id))
    return {
      unlisted: rowsOf(removed, next.terms),
      listed: rowsOf([...added, ...joinedBy], next.terms),
    }
  }
  return {
    unlisted: before === undefined ? [] : rowsOf([...allOf(before.row), ...leftBy], before.row),
    listed: rowsOf(allOf(next.terms), next.terms),
  }
}

function isListedAlike({ row }: RecordedDeal, terms: DealTerms): boolean {
  return (
    row.closed_date === terms.closed_date &&
    row.currency === terms.currency &&
    row.attribution_model === terms.attribution_model &&
    isDeepStrictEqual(agreedPartnersOf(row), agreedPartnersOf(terms))
  )
}

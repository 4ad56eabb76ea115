import { type Kysely, sql } from 'kysely'
import type { Journey } from '../attribution/journey.ts'
import type { Touch } from '../attribution/touch.ts'
import type { Parameters } from '../attribution/models.ts'
import type { Database } from '../database/tables.ts'
import type { DealTerms, TouchRow, VersionRow } from './schemas.ts'

const termColumns = [
  'amount_minor',
  'currency',
  'closed_date',
  'closed_all_day',
  'attribution_model',
  'model_parameters',
] as const

/** A deal at one of its versions, without its touchpoints. */
export interface DealState {
  readonly terms: DealTerms
  readonly is_void: boolean
}

/** A deal as its next version will read it, and its previous version if it has one. */
export interface ClosedDeal extends DealState {
  readonly deal_id: string
  readonly previous?: Pick<VersionRow, 'version' | 'fingerprint' | 'calculated_at'>
}

/** The journey that the engine reads: the deal with its current touchpoints, or with those known at a version. */
export function toJourney(
  { terms, is_void }: DealState,
  touches: readonly TouchRow[],
  version = Infinity,
): Journey {
  return {
    amount_minor: terms.amount_minor,
    currency: terms.currency,
    closed_at: Date.parse(terms.closed_date),
    closed_all_day: terms.closed_all_day,
    is_void,
    model: terms.attribution_model,
    parameters: terms.model_parameters as Parameters,
    touches: touches
      .filter(({ known_from }) => known_from <= version)
      .map((touch) => toTouch(touch, version)),
  }
}

function toTouch(
  { id, partner_id, touchpoint_type, timestamp, void_from }: TouchRow,
  version: number,
): Touch {
  const is_void = void_from !== null && void_from <= version
  return { id, partner_id, touchpoint_type, at: Date.parse(timestamp), is_void }
}

/** The deals that are closed, with their current versions. */
export async function listClosedDeals(
  db: Kysely<Database>,
  dealIds: readonly string[],
): Promise<ClosedDeal[]> {
  const rows = await db
    .selectFrom('deals')
    .innerJoin('attributions', (join) =>
      join.onRef('attributions.deal_id', '=', 'deals.id').onRef('attributions.version', '=', 'deals.version'),
    )
    .select([
      'deals.id',
      'deals.amount_minor',
      'deals.currency',
      'deals.closed_date',
      'deals.closed_all_day',
      'deals.attribution_model',
      'deals.model_parameters',
      'deals.voided_at',
      'deals.version',
      'attributions.fingerprint',
      'attributions.calculated_at',
    ])
    .where('deals.id', '=', sql<string>`any(${dealIds}::text[])`)
    .execute()
  return rows.map(({ id, voided_at, version, fingerprint, calculated_at, ...terms }) => ({
    deal_id: id,
    terms,
    is_void: voided_at !== null,
    previous: { version, fingerprint, calculated_at },
  }))
}

/** The deal as a stored version read it. */
export async function findVersion(db: Kysely<Database>, dealId: string, version: number): Promise<DealState> {
  const { reason, ...terms } = await db
    .selectFrom('attributions')
    .select([...termColumns, 'reason'])
    .where('deal_id', '=', dealId)
    .where('version', '=', version)
    .executeTakeFirstOrThrow()
  return { terms, is_void: reason === 'deal_voided' }
}

/** Deals, and all touchpoints of each by deal id, void ones included. */
export interface TouchBatch {
  readonly dealIds: readonly string[]
  readonly touches: ReadonlyMap<string, readonly TouchRow[]>
}

const mostRows = 20_000
const parts = 8

/**
 * Reads the touchpoints of these deals in one statement. If there are more than 20,000, it reads an eighth of the deals at
 * a time instead, to bound memory. A single deal is always read whole.
 */
export async function* readTouches(
  db: Kysely<Database>,
  dealIds: readonly string[],
): AsyncGenerator<TouchBatch> {
  if (dealIds.length === 0) return
  const rows = await listTouches(db, dealIds, dealIds.length === 1 ? undefined : mostRows + 1)
  if (dealIds.length === 1 || rows.length <= mostRows) {
    yield { dealIds, touches: Map.groupBy(rows, ({ deal_id }) => deal_id) }
    return
  }
  const size = Math.ceil(dealIds.length / parts)
  for (let start = 0; start < dealIds.length; start += size) {
    yield* readTouches(db, dealIds.slice(start, start + size))
  }
}

/** All touchpoints of one deal. */
export function listTouchesOf(db: Kysely<Database>, dealId: string): Promise<readonly TouchRow[]> {
  return listTouches(db, [dealId])
}

function listTouches(
  db: Kysely<Database>,
  dealIds: readonly string[],
  limit?: number,
): Promise<readonly TouchRow[]> {
  const query = db
    .selectFrom('events')
    .innerJoin('partners', 'partners.id', 'events.partner_id')
    .select([
      'events.id',
      'events.deal_id',
      'events.partner_id',
      'events.touchpoint_type',
      'events.timestamp',
      'events.known_from',
      'events.void_from',
      'partners.name as partner_name',
    ])
    .where('events.deal_id', '=', sql<string>`any(${dealIds}::text[])`)
  return (limit === undefined ? query : query.limit(limit)).execute()
}

import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { fingerprint, type Journey, type Qualification } from '../attribution/journey.ts'
import type { Touch } from '../attribution/touch.ts'
import type { Parameters } from '../attribution/models.ts'
import type { Database } from '../database/tables.ts'
import { type DealTerms, netOf, type TouchRow, type VersionRow } from './schemas.ts'

const termColumns = [
  'amount_minor',
  'currency',
  'closed_date',
  'closed_all_day',
  'closed_until',
  'attribution_model',
  'model_parameters',
] as const

/** A deal at one of its versions, without its touchpoints. */
export interface DealState {
  /** The `amount_minor` is the net amount: what is split. */
  readonly terms: Omit<DealTerms, 'closed_on'>
  readonly is_void: boolean
  /** The partners whose credit had ended on its closed_on. */
  readonly uncredited?: readonly string[] | null | undefined
}

/** A touchpoint as a split reads it. Without `known_until` it is current. */
type KnownTouch = Omit<TouchRow, 'happened_on' | 'partner_name' | 'has_left'> & {
  readonly known_until?: number | null
}

/** The journey that the engine reads: the deal with its current touchpoints, or with those known at a version. */
export function toJourney(
  { terms, is_void, uncredited }: DealState,
  touches: readonly KnownTouch[],
  version = Infinity,
): Journey {
  const closed_at = Date.parse(terms.closed_date)
  return {
    amount_minor: terms.amount_minor,
    currency: terms.currency,
    closed_at,
    closed_until: terms.closed_all_day ? endOf(closed_at, terms.closed_until) : null,
    is_void,
    ...(uncredited && { uncredited: new Set(uncredited) }),
    model: terms.attribution_model,
    parameters: terms.model_parameters as Parameters,
    touches: touches.filter((touch) => isKnown(touch, version)).map((touch) => toTouch(touch, version)),
  }
}

function isKnown({ known_from, known_until = null }: KnownTouch, version: number): boolean {
  return known_from <= version && (known_until === null || version < known_until)
}

// Earlier releases stored no end: a whole day had 24 hours.
function endOf(closed_at: number, closed_until: string | null): number {
  return closed_until === null ? closed_at + day : Date.parse(closed_until)
}

function toTouch(
  { id, partner_id, touchpoint_type, timestamp, void_from }: KnownTouch,
  version: number,
): Touch {
  const is_void = void_from !== null && void_from <= version
  return { id, partner_id, touchpoint_type, at: Date.parse(timestamp), is_void }
}

/** The digest of everything that a split reads; its version stores it. */
export function fingerprintOf(journey: Journey, qualification?: Qualification): Buffer {
  return hash('sha256', fingerprint(journey, qualification), 'buffer')
}

/** The closed deals with these ids. */
export async function listClosedDeals(
  db: Kysely<Database>,
  dealIds: readonly string[],
): Promise<(DealState & { readonly deal_id: string; readonly terms: DealTerms })[]> {
  const rows = await db
    .selectFrom('deals')
    .select([...termColumns, 'refunded_minor', 'closed_on', 'id', 'voided_at'])
    .where('id', '=', sql<string>`any(${dealIds}::text[])`)
    .execute()
  return rows.map(({ id, voided_at, refunded_minor, ...terms }) => ({
    deal_id: id,
    terms: { ...terms, amount_minor: netOf({ ...terms, refunded_minor }) },
    is_void: voided_at !== null,
  }))
}

/** The deal as a stored version read it. */
export async function findVersion(
  db: Kysely<Database>,
  dealId: string,
  version: number,
): Promise<DealState & { readonly terms: DealTerms } & Pick<VersionRow, 'fingerprint'>> {
  const {
    reason,
    fingerprint,
    uncredited_partner_ids: uncredited,
    ...terms
  } = await db
    .selectFrom('attributions')
    .select([...termColumns, 'closed_on', 'reason', 'fingerprint', 'uncredited_partner_ids'])
    .where('deal_id', '=', dealId)
    .where('version', '=', version)
    .executeTakeFirstOrThrow()
  return { terms, is_void: reason === 'deal_voided', uncredited, fingerprint }
}

/** Deals, and all touchpoints of each by deal id, void ones included. */
export interface TouchBatch<Row> {
  readonly dealIds: readonly string[]
  readonly touches: ReadonlyMap<string, readonly Row[]>
}

/** Reads the touchpoints of deals, up to a limit. */
type ListTouches<Row> = (
  db: Kysely<Database>,
  dealIds: readonly string[],
  limit?: number,
) => Promise<readonly Row[]>

const day = 86_400_000
const mostRows = 20_000
const parts = 8

/** Reads the current touchpoints of these deals. */
export function readTouches(
  db: Kysely<Database>,
  dealIds: readonly string[],
): AsyncGenerator<TouchBatch<TouchRow>> {
  return readInBatches(db, dealIds, listTouches)
}

/**
 * Reads the touchpoints of these deals in one statement. If there are more than 20,000, it reads an eighth of the deals at
 * a time instead, to bound memory. A single deal is always read whole.
 */
export async function* readInBatches<Row extends { deal_id: string }>(
  db: Kysely<Database>,
  dealIds: readonly string[],
  list: ListTouches<Row>,
): AsyncGenerator<TouchBatch<Row>> {
  if (dealIds.length === 0) return
  const rows = await list(db, dealIds, dealIds.length === 1 ? undefined : mostRows + 1)
  if (dealIds.length === 1 || rows.length <= mostRows) {
    yield { dealIds, touches: Map.groupBy(rows, ({ deal_id }) => deal_id) }
    return
  }
  const size = Math.ceil(dealIds.length / parts)
  for (let start = 0; start < dealIds.length; start += size) {
    yield* readInBatches(db, dealIds.slice(start, start + size), list)
  }
}

/** The current touchpoints of these deals. */
export function listTouches(
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
      'events.happened_on',
      'events.known_from',
      'events.void_from',
      'partners.name as partner_name',
      sql<boolean>`partners.has_left or partners.status = 'inactive'`.as('has_left'),
    ])
    .where('events.deal_id', '=', sql<string>`any(${dealIds}::text[])`)
  return (limit === undefined ? query : query.limit(limit)).execute()
}

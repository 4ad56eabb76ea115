import { type Kysely, sql } from 'kysely'
import type { Journey } from '../attribution/journey.ts'
import type { Touch } from '../attribution/touch.ts'
import type { Parameters } from '../attribution/models.ts'
import type { Database } from '../database/tables.ts'
import type { Facts, TouchRow, VersionRow } from './schemas.ts'

const factColumns = [
  'amount_minor',
  'currency',
  'closed_date',
  'closed_all_day',
  'attribution_model',
  'model_parameters',
] as const

/** A deal as its next version will see it, and the version before, if there is one. */
export interface Subject {
  readonly deal_id: string
  readonly facts: Facts
  readonly is_void: boolean
  readonly previous?: Pick<VersionRow, 'version' | 'fingerprint' | 'calculated_at'>
}

/** The journey that the engine reads: a deal's facts, and its touchpoints as they are or as a version knew them. */
export function toJourney(
  facts: Facts,
  is_void: boolean,
  touches: readonly TouchRow[],
  version = Infinity,
): Journey {
  return {
    amount_minor: facts.amount_minor,
    currency: facts.currency,
    closed_at: Date.parse(facts.closed_date),
    closed_all_day: facts.closed_all_day,
    is_void,
    model: facts.attribution_model,
    parameters: facts.model_parameters as Parameters,
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

/** The closed ones of these deals, each with its current version. */
export async function listSubjects(db: Kysely<Database>, dealIds: readonly string[]): Promise<Subject[]> {
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
  return rows.map(({ id, voided_at, version, fingerprint, calculated_at, ...facts }) => ({
    deal_id: id,
    facts,
    is_void: voided_at !== null,
    previous: { version, fingerprint, calculated_at },
  }))
}

/** The facts that a recorded version was worked out from. */
export async function findVersion(
  db: Kysely<Database>,
  dealId: string,
  version: number,
): Promise<Pick<Subject, 'facts' | 'is_void'>> {
  const { reason, ...facts } = await db
    .selectFrom('attributions')
    .select([...factColumns, 'reason'])
    .where('deal_id', '=', dealId)
    .where('version', '=', version)
    .executeTakeFirstOrThrow()
  return { facts, is_void: reason === 'deal_voided' }
}

/** Deals, and all of their touchpoints by deal, the void ones too. */
export interface Touched {
  readonly dealIds: readonly string[]
  readonly touches: ReadonlyMap<string, readonly TouchRow[]>
}

const mostRows = 20_000
const parts = 8

/**
 * The touchpoints of these deals, of all in one statement where they are few, and else of some deals at a time, so that
 * memory holds no more than 20,000 of them. A single deal is read whole.
 */
export async function* readTouches(
  db: Kysely<Database>,
  dealIds: readonly string[],
): AsyncGenerator<Touched> {
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

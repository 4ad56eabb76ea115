import { type Kysely, sql } from 'kysely'
import type { Journey, Touch } from '../attribution/journey.ts'
import type { Parameters } from '../attribution/models.ts'
import type { Database } from '../database/tables.ts'
import type { Event } from '../events/schemas.ts'
import type { Facts, VersionRow } from './schemas.ts'

/** A deal as its next version will see it, and the version before, if there is one. */
export interface Subject {
  readonly deal_id: string
  readonly facts: Facts
  readonly is_void: boolean
  readonly previous?: Pick<VersionRow, 'version' | 'fingerprint' | 'calculated_at'>
}

export type TouchRow = Pick<Event, 'id' | 'partner_id' | 'touchpoint_type' | 'timestamp'> & {
  deal_id: string
  partner_name: string
  is_void: boolean
}

/** The journey that the engine reads, of a deal's facts and its touchpoints. */
export function toJourney(facts: Facts, is_void: boolean, touches: readonly TouchRow[]): Journey {
  return {
    amount_minor: facts.amount_minor,
    currency: facts.currency,
    closed_at: Date.parse(facts.closed_date),
    closed_all_day: facts.closed_all_day,
    is_void,
    model: facts.attribution_model,
    parameters: facts.model_parameters as Parameters,
    touches: touches.map(toTouch),
  }
}

function toTouch({ id, partner_id, touchpoint_type, timestamp, is_void }: TouchRow): Touch {
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

/** All touchpoints of these deals, the void ones too, by deal. */
export function listTouches(
  db: Kysely<Database>,
  dealIds: readonly string[],
): Promise<ReadonlyMap<string, readonly TouchRow[]>> {
  return groupTouches(
    touchesOf(db, dealIds)
      .select(sql<boolean>`voided_at is not null`.as('is_void'))
      .execute(),
  )
}

/** The touchpoints of a deal as one of its versions knew them. */
export function listTouchesKnownTo(db: Kysely<Database>, dealId: string, version: number) {
  return touchesOf(db, [dealId])
    .select(sql<boolean>`coalesce(void_from <= ${version}, false)`.as('is_void'))
    .where('known_from', '<=', version)
    .execute()
}

function touchesOf(db: Kysely<Database>, dealIds: readonly string[]) {
  return db
    .selectFrom('events')
    .innerJoin('partners', 'partners.id', 'events.partner_id')
    .select([
      'events.id',
      'events.deal_id',
      'events.partner_id',
      'events.touchpoint_type',
      'events.timestamp',
      'partners.name as partner_name',
    ])
    .where('events.deal_id', '=', sql<string>`any(${dealIds}::text[])`)
}

async function groupTouches(
  rows: Promise<readonly TouchRow[]>,
): Promise<ReadonlyMap<string, readonly TouchRow[]>> {
  return Map.groupBy(await rows, ({ deal_id }) => deal_id)
}

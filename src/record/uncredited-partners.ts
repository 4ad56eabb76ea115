import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { Calendar } from '../values/calendar.ts'
import { toTimestamp } from '../values/instants.ts'
import { agreedPartnersOf } from './agreed-partners.ts'
import type { DealState } from './journeys.ts'
import { type Close, withDay } from './read-close.ts'
import type { DealTerms, TouchRow } from './schemas.ts'

/** A deal with the partners that it may credit. */
interface Crediting {
  readonly deal_id: string
  readonly terms: Close & Pick<DealTerms, 'model_parameters'>
  readonly touches: readonly Pick<TouchRow, 'partner_id' | 'has_left'>[]
}

/**
 * The partners of each deal whose credit had ended when the deal closed, by deal id: inactive without `credit_after_leaving`
 * at the start of its `closed_on`. A change of a partner made on a day counts for closes of later days only.
 */
export async function listUncredited(
  db: Kysely<Database>,
  calendar: Calendar,
  deals: readonly Crediting[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const wanted = deals.flatMap(({ deal_id, terms, touches }) => {
    const leavers = touches.filter(({ has_left }) => has_left).map(({ partner_id }) => partner_id)
    const partnerIds = [...new Set([...leavers, ...agreedPartnersOf(terms)])]
    if (partnerIds.length === 0) return []
    const day_begins = toTimestamp(calendar.startOf(withDay(terms, calendar).closed_on as string))
    return partnerIds.map((partner_id) => ({ deal_id, partner_id, day_begins }))
  })
  // Almost every deal is of partners that never left, and needs no statement.
  if (wanted.length === 0) return new Map()
  const { rows } = await sql<{ deal_id: string; partner_ids: string[] }>`
    select deal_id, array_agg(partner_id order by partner_id) as partner_ids
    from json_to_recordset(${JSON.stringify(wanted)}) as wanted (deal_id text, partner_id text, day_begins timestamptz)
      join partners on partners.id = partner_id
      left join lateral (
        select status, credit_after_leaving from past_partner_terms
        where past_partner_terms.partner_id = partners.id and held_until >= day_begins
        order by held_until limit 1
      ) as past on true
    where coalesce(past.status, partners.status) = 'inactive'
      and not coalesce(past.credit_after_leaving, partners.credit_after_leaving)
    group by deal_id`.execute(db)
  return new Map(rows.map(({ deal_id, partner_ids }) => [deal_id, partner_ids]))
}

interface KnownVersion {
  readonly calendar: Calendar
  readonly version: number
  readonly state: DealState & { readonly terms: DealTerms }
  readonly touches: readonly Pick<TouchRow, 'partner_id' | 'known_from'>[]
}

/**
 * The uncredited partners of a stored version: those that it read, and those whose first touchpoint came later. Such a
 * touchpoint does not count, so it made no version.
 */
export async function listUncreditedOf(
  db: Kysely<Database>,
  { calendar, version, state, touches }: KnownVersion,
): Promise<readonly string[]> {
  const known = new Set(
    touches.filter(({ known_from }) => known_from <= version).map(({ partner_id }) => partner_id),
  )
  const later = touches
    .filter(({ partner_id }) => !known.has(partner_id))
    .map(({ partner_id }) => ({ partner_id, has_left: true }))
  const terms = { ...state.terms, model_parameters: {} }
  const found = await listUncredited(db, calendar, [{ deal_id: '', terms, touches: later }])
  return [...(state.uncredited ?? []), ...(found.get('') ?? [])]
}

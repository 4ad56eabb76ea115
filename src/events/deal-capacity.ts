import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { mostPartners, mostRevisions, mostTouchpoints } from './schemas.ts'

/** A deal with at most this many touchpoints cannot have too many partners, so its partners need no count. */
export const uncountedTouchpoints = mostPartners

// Up to 5,000 touchpoints of each deal are read.
const dealsAtOnce = 40

/** An event that asks for room on its deal. */
interface Applicant {
  readonly id: string
  readonly deal_id: string
  readonly partner_id: string
  /** Whether the deal has the event already, so that only its partner may be new. */
  readonly isHeld?: boolean
}

export interface Admission<Given> {
  readonly admitted: readonly Given[]
  /** The events that their deals have no room for, and why. */
  readonly full: ReadonlyMap<Given, string>
}

interface DealUsage {
  readonly deal_id: string
  touchpoints: number
  partners: number
  /** Those partners of the events that the deal already has. */
  readonly known: Set<string>
}

/** Decides, in order, which events their deals have room for; the caller holds the deals' locks. */
export async function admit<Given extends Applicant>(
  trx: Kysely<Database>,
  events: readonly Given[],
): Promise<Admission<Given>> {
  const usages = await readUsages(trx, events)
  const admitted = new Map<string, Given>()
  const full = new Map<Given, string>()
  for (const event of events) {
    const { id, deal_id, partner_id, isHeld = false } = event
    // A second submission with the same id is compared with the first, so it needs no room.
    if (admitted.has(id)) continue
    const deal = usages.get(deal_id) as DealUsage
    const isKnown = deal.known.has(partner_id)
    if (!isHeld && deal.touchpoints >= mostTouchpoints) {
      full.set(event, `Deal ${deal_id} already has the maximum of ${mostTouchpoints} touchpoints.`)
    } else if (!isKnown && deal.partners >= mostPartners) {
      full.set(event, `Deal ${deal_id} already has the maximum of ${mostPartners} partners.`)
    } else {
      admitted.set(id, event)
      if (!isHeld) deal.touchpoints += 1
      if (!isKnown) deal.partners += 1
      deal.known.add(partner_id)
    }
  }
  return { admitted: [...admitted.values()], full }
}

async function readUsages(
  trx: Kysely<Database>,
  events: readonly Applicant[],
): Promise<ReadonlyMap<string, DealUsage>> {
  const usages = new Map<string, DealUsage>()
  const deals = [...Map.groupBy(events, ({ deal_id }) => deal_id)]
  for (let start = 0; start < deals.length; start += dealsAtOnce) {
    const some = deals.slice(start, start + dealsAtOnce)
    const dealIds = some.map(([dealId]) => dealId)
    const partnerIds = some.flatMap(([, own]) => own.map(({ partner_id }) => partner_id))
    const { rows } = await sql<Omit<DealUsage, 'known'> & { known: readonly string[] }>`
      select wanted.id as deal_id, count(partner_id)::int as touchpoints, count(distinct partner_id)::int as partners,
        coalesce(array_agg(distinct partner_id) filter (where partner_id = any(${partnerIds}::text[])), '{}') as known
      from unnest(${dealIds}::text[]) as wanted (id) left join lateral (
        select partner_id from events where deal_id = wanted.id limit ${mostTouchpoints}
      ) as held on true
      group by wanted.id`.execute(trx)
    for (const row of rows) usages.set(row.deal_id, { ...row, known: new Set(row.known) })
  }
  return usages
}

/** Those of these deals that keep the most earlier revisions that a deal can keep. */
export async function listFullOfRevisions(
  trx: Kysely<Database>,
  dealIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await trx
    .selectFrom('event_revisions')
    .select('deal_id')
    .where('deal_id', '=', sql<string>`any(${dealIds}::text[])`)
    .groupBy('deal_id')
    .having(sql<boolean>`count(*) >= ${mostRevisions}`)
    .execute()
  return new Set(rows.map(({ deal_id }) => deal_id))
}

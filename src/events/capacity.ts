import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { Submission } from './queries.ts'
import { mostPartners, mostTouchpoints } from './schemas.ts'

/** With no more touchpoints than this a deal cannot have too many partners either, so nothing need be counted exactly. */
export const uncrowded = mostPartners

// Up to 5,000 touchpoints are read of each.
const dealsAtOnce = 40

export interface Admission {
  readonly admitted: readonly Submission[]
  /** Why the others find no room in their deals. */
  readonly full: ReadonlyMap<Submission, string>
}

interface Occupancy {
  readonly deal_id: string
  touchpoints: number
  partners: number
  readonly known: Set<string>
}

/** Those of these submissions, in their order, that their deals have room for; the caller holds the deals' locks. */
export async function admit(trx: Kysely<Database>, submissions: readonly Submission[]): Promise<Admission> {
  const occupancies = await readOccupancies(trx, submissions)
  const admitted = new Map<string, Submission>()
  const full = new Map<Submission, string>()
  for (const submission of submissions) {
    const { id, deal_id, partner_id } = submission
    // A second submission of one id is measured against the first.
    if (admitted.has(id)) continue
    const deal = occupancies.get(deal_id) as Occupancy
    const isKnown = deal.known.has(partner_id)
    if (deal.touchpoints >= mostTouchpoints) {
      full.set(submission, `Deal ${deal_id} has ${mostTouchpoints} touchpoints and takes no more.`)
    } else if (!isKnown && deal.partners >= mostPartners) {
      full.set(submission, `Deal ${deal_id} has ${mostPartners} partners and takes no further one.`)
    } else {
      admitted.set(id, submission)
      deal.touchpoints += 1
      if (!isKnown) deal.partners += 1
      deal.known.add(partner_id)
    }
  }
  return { admitted: [...admitted.values()], full }
}

async function readOccupancies(
  trx: Kysely<Database>,
  submissions: readonly Submission[],
): Promise<ReadonlyMap<string, Occupancy>> {
  const occupancies = new Map<string, Occupancy>()
  const deals = [...Map.groupBy(submissions, ({ deal_id }) => deal_id)]
  for (let start = 0; start < deals.length; start += dealsAtOnce) {
    const some = deals.slice(start, start + dealsAtOnce)
    const dealIds = some.map(([dealId]) => dealId)
    const partnerIds = some.flatMap(([, own]) => own.map(({ partner_id }) => partner_id))
    const { rows } = await sql<Omit<Occupancy, 'known'> & { known: readonly string[] }>`
      select wanted.id as deal_id, count(partner_id)::int as touchpoints, count(distinct partner_id)::int as partners,
        coalesce(array_agg(distinct partner_id) filter (where partner_id = any(${partnerIds}::text[])), '{}') as known
      from unnest(${dealIds}::text[]) as wanted (id) left join lateral (
        select partner_id from events where deal_id = wanted.id limit ${mostTouchpoints}
      ) as held on true
      group by wanted.id`.execute(trx)
    for (const row of rows) occupancies.set(row.deal_id, { ...row, known: new Set(row.known) })
  }
  return occupancies
}

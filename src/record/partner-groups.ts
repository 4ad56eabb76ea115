import { type Kysely, sql } from 'kysely'
import type { Plan } from '../commission/plan.ts'
import type { Database } from '../database/tables.ts'
import type { Calendar } from '../values/calendar.ts'
import { toTimestamp } from '../values/instants.ts'

/** A partner of a deal that closed on this day. */
interface PartnerOnDay {
  readonly partner_id: string
  readonly closed_on: string
}

/** The group that a partner was in at the start of a day. */
export type GroupOf = (partner: PartnerOnDay) => string | null

/** Whether a rule asks for groups, so that they must be read. */
export function asksForGroups({ rules }: Plan): boolean {
  return rules.some(({ when }) => when.groups !== undefined)
}

/** Reads the groups of partners. A change of a partner made on a day counts for closes of later days only. */
export async function readGroups(
  db: Kysely<Database>,
  calendar: Calendar,
  partners: readonly PartnerOnDay[],
): Promise<GroupOf> {
  const wanted = new Map(partners.map((one) => [keyOf(one), one]))
  if (wanted.size === 0) return () => null
  const days = new Map<string, string>()
  for (const { closed_on } of wanted.values())
    if (!days.has(closed_on)) days.set(closed_on, toTimestamp(calendar.startOf(closed_on)))
  const given = [...wanted.values()].map((one) => ({ ...one, day_begins: days.get(one.closed_on) }))
  const { rows } = await sql<PartnerOnDay & { readonly group: string | null }>`
    select partner_id, closed_on, case when past.held_until is null then partners."group" else past."group" end as "group"
    from jsonb_to_recordset(${JSON.stringify(given)}) as given (partner_id text, closed_on text, day_begins timestamptz)
      join partners on partners.id = partner_id
      left join lateral (
        select held_until, "group" from past_partner_terms
        where past_partner_terms.partner_id = partners.id and held_until >= day_begins
        order by held_until limit 1
      ) as past on true`.execute(db)
  const groups = new Map(rows.map((row) => [keyOf(row), row.group]))
  return (partner) => groups.get(keyOf(partner)) ?? null
}

/** The groups of partners with which the commissions of these deals were computed, by deal id and partner id. */
export async function listStoredGroups(
  db: Kysely<Database>,
  dealIds: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<string, string | null>>>> {
  const { rows } = await sql<{ deal_id: string; groups: Record<string, string | null> }>`
    select deal_id, json_object_agg(partner_id, partner_group) as groups
    from deals join commission_lines on deal_id = deals.id and commission_lines.version = commission_version
    where deals.id = any (${dealIds}::text[]) group by deal_id`.execute(db)
  return new Map(rows.map(({ deal_id, groups }) => [deal_id, groups]))
}

function keyOf({ partner_id, closed_on }: PartnerOnDay): string {
  return `${closed_on} ${partner_id}`
}

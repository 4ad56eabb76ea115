import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type Fault, UnknownReference } from '../errors.ts'
import type { DealPlan } from './schemas.ts'

/** A deal that needs a plan: `named` is that of its client. Null: the default of its day. */
interface Unplanned {
  readonly deal_id: string
  readonly closed_on: string
  readonly named: string | null
}

/** The plans of these deals, and of each the version in force on the day of the close, by deal id. */
export async function pickPlans(
  trx: Kysely<Database>,
  deals: readonly Unplanned[],
): Promise<ReadonlyMap<string, DealPlan>> {
  if (deals.length === 0) return new Map()
  const { rows } = await sql<DealPlan & { readonly deal_id: string }>`
    select deal_id, picked.id as commission_plan_id, named is not null as is_plan_named, (
      select version from commission_plan_versions
      where plan_id = picked.id and effective_from <= closed_on
      order by effective_from desc, version desc limit 1
    ) as commission_plan_version
    from jsonb_to_recordset(${JSON.stringify(deals)}) as given (deal_id text, closed_on date, named text)
    cross join lateral (
      select coalesce(named, (
        select plan_id from commission_plan_defaults where "from" <= closed_on order by "from" desc limit 1
      ), 'full') as id
    ) as picked`.execute(trx)
  return new Map(rows.map(({ deal_id, ...plan }) => [deal_id, plan]))
}

/** The plan that a client named; null if the deal has the default of its day. */
export function planNameOf({ is_plan_named, commission_plan_id }: DealPlan): string | null {
  return is_plan_named ? commission_plan_id : null
}

/** The error (400) of each deal that names a plan that does not exist. */
export async function findUnknownPlans<Deal extends { readonly plan_name: string | null }>(
  db: Kysely<Database>,
  deals: readonly Deal[],
): Promise<ReadonlyMap<Deal, Error>> {
  const named = [...new Set(deals.map(({ plan_name }) => plan_name).filter((id) => id !== null))]
  if (named.length === 0) return new Map()
  const rows = await db.selectFrom('commission_plans').select('id').where('id', 'in', named).execute()
  const known = new Set(rows.map(({ id }) => id))
  return new Map(
    deals
      .filter(({ plan_name }) => plan_name !== null && !known.has(plan_name))
      .map((deal) => [deal, unknownPlan(deal.plan_name as string)]),
  )
}

function unknownPlan(id: string): Error {
  const fault: Fault = {
    pointer: '/commission_plan_id',
    detail: `No commission plan has the id ${id}.`,
  }
  return Object.assign(new UnknownReference(), { faults: [fault] })
}

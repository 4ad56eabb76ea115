import { type Static, Type } from '@sinclair/typebox'
import { Day, describe, Id, Listing, Nullable, ref, Strict, Timestamp } from '../values/schemas.ts'

const period = {
  start_date: describe(Day, 'The first day of the period. A deal counts on the day of its close.'),
  end_date: describe(Day, 'The last day of the period.'),
}

export const NewPlanApplication = Strict(period, { $id: 'NewPlanApplication' })
export type NewPlanApplication = Static<typeof NewPlanApplication>

const count = Type.Integer({ minimum: 0 })

export const PlanApplication = Type.Object(
  {
    id: Id,
    plan_id: describe(Id, 'The plan that the deals get.'),
    ...period,
    deals_done: describe(count, 'Deals of the period that are done.'),
    deals_changed: describe(count, 'Those of them that got another plan or another version of it.'),
    created_at: describe(Timestamp, 'When it was requested.'),
    finished_at: Nullable(describe(Timestamp, 'When the last deal was done. Null: it is running.')),
  },
  { $id: 'PlanApplication', description: 'How far a plan has been applied to the deals of a period.' },
)
export type PlanApplication = Static<typeof PlanApplication>

export const PlanApplicationAnswer = Type.Object(
  { application: ref(PlanApplication) },
  { $id: 'PlanApplicationAnswer' },
)

export const PlanApplicationPage = Listing(
  { applications: Type.Array(ref(PlanApplication)) },
  { $id: 'PlanApplicationPage' },
)

/** The row has the last deal that is done, and the key that asked for it. */
export type PlanApplicationRow = PlanApplication & {
  last_closed_date: string | null
  last_deal_id: string | null
  api_key_id: string
}

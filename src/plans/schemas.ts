import { type Static, Type } from '@sinclair/typebox'
import { TouchpointType } from '../events/schemas.ts'
import { AttributionModel } from '../record/terms-schemas.ts'
import {
  Amount,
  Currency,
  Day,
  describe,
  Id,
  Listing,
  Matching,
  NewId,
  ref,
  Strict,
  Text,
  Timestamp,
} from '../values/schemas.ts'

/** The id of the plan that comes with the service: 100 % of each payout. */
export const builtInPlan = 'full'

export const PlanMoney = Strict(
  { amount: Amount, currency: Currency },
  { $id: 'PlanMoney', description: 'Money of a plan. It has no more decimals than its currency.' },
)
export type PlanMoney = Static<typeof PlanMoney>

function listOf<Schema extends ReturnType<typeof Type.Unsafe>>(items: Schema, maxItems: number, of: string) {
  return Type.Optional(
    Type.Array(items, { minItems: 1, maxItems, uniqueItems: true, description: `The rule is for ${of}.` }),
  )
}

const threshold = { minimum: 0, maximum: 999_999_999_999_999, 'x-decimals': 4 }

export const RuleConditions = Strict(
  {
    partner_ids: listOf(Id, 500, 'these partners. They are registered'),
    groups: listOf(Text(100), 100, 'partners that are in one of these groups on the day of the close'),
    touchpoint_types: listOf(
      ref(TouchpointType),
      6,
      'partners with a qualifying touchpoint of one of these types',
    ),
    currencies: listOf(Currency, 100, 'deals in one of these currencies'),
    models: listOf(ref(AttributionModel), 8, 'deals that are split by one of these models'),
    amount_at_least: Type.Optional(
      Type.Number({
        ...threshold,
        description:
          'The rule is for deals of this amount or more, in units of their currency, before refunds.',
      }),
    ),
    amount_below: Type.Optional(
      Type.Number({
        ...threshold,
        description: 'The rule is for deals below this amount, in units of their currency, before refunds.',
      }),
    ),
  },
  { $id: 'RuleConditions', description: 'A rule fits if all conditions that it names hold.' },
)
export type RuleConditions = Static<typeof RuleConditions>

const rate = Matching(
  '^(?:100(?:\\.0{1,4})?|[1-9]?[0-9](?:\\.[0-9]{1,4})?)$',
  'must be a percentage as text, such as "12.5": from 0 to 100, with at most 4 decimals',
  { description: 'A percentage of the payout, as text, so that it is exact: `12.5`. Up to 4 decimals.' },
)

export const CommissionRule = Strict(
  {
    when: Type.Optional(ref(RuleConditions)),
    rate: Type.Optional(rate),
    flat: Type.Optional(ref(PlanMoney)),
    cap: Type.Optional(ref(PlanMoney)),
  },
  {
    $id: 'CommissionRule',
    description:
      'What a partner earns: a `rate` of its payout, or a `flat` amount, which a refund of the deal reduces in proportion; `cap` limits both. One of `rate` and `flat` is there. A rule with money of another currency than the deal does not fit.',
  },
)
export type CommissionRule = Static<typeof CommissionRule>

const terms = {
  effective_from: describe(
    Day,
    'The version is in force for deals that close on this day or later, until the next version is. Of two from the same day, the later version is.',
  ),
  rules: Type.Array(ref(CommissionRule), {
    minItems: 1,
    maxItems: 100,
    description:
      'The first rule that fits a partner counts. A partner that none fits earns nothing. Up to 32 kB in all.',
  }),
  hold_days: Type.Integer({
    minimum: 0,
    maximum: 3650,
    description: 'For how many days after the close a commission is pending before it can be paid.',
  }),
  cap_per_deal: Type.Optional(
    describe(
      ref(PlanMoney),
      'The most that a deal in this currency pays to all partners together. Where their commissions exceed it, all are reduced in proportion.',
    ),
  ),
}

export const PlanVersion = Type.Object(
  {
    version: Type.Integer({ description: '1 for the first version of the plan.' }),
    ...terms,
    created_at: describe(Timestamp, 'When the version was stored.'),
  },
  { $id: 'PlanVersion', description: 'The rules of a plan from a day on. A version never changes.' },
)
export type PlanVersion = Static<typeof PlanVersion>

const sentTerms = {
  effective_from: terms.effective_from,
  rules: terms.rules,
  hold_days: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 3650,
      default: 0,
      description: terms.hold_days.description as string,
    }),
  ),
  cap_per_deal: terms.cap_per_deal,
}

export const NewPlanVersion = Strict(sentTerms, { $id: 'NewPlanVersion' })
export type NewPlanVersion = Static<typeof NewPlanVersion>

const name = describe(Text(200), 'The name of the plan for people.')

export const NewPlan = Strict(
  { id: NewId, name, ...sentTerms },
  { $id: 'NewPlan', description: 'A plan with its first version.' },
)
export type NewPlan = Static<typeof NewPlan>

export const Plan = Type.Object(
  {
    id: Id,
    name,
    latest_version: Type.Integer({ description: 'How many versions the plan has.' }),
    created_at: describe(Timestamp, 'When the plan was stored.'),
  },
  {
    $id: 'Plan',
    description:
      'A commission plan. `full`, which pays 100 % of each payout, comes with the service and has one version.',
  },
)
export type Plan = Static<typeof Plan>

export const PlanPage = Listing({ plans: Type.Array(ref(Plan)) }, { $id: 'PlanPage' })

export const PlanDetail = Listing(
  {
    plan: ref(Plan),
    versions: Type.Array(ref(PlanVersion), { description: 'The latest version first.' }),
  },
  { $id: 'PlanDetail' },
)

export const PlanVersionAnswer = Type.Object(
  { plan: ref(Plan), version: ref(PlanVersion) },
  { $id: 'PlanVersionAnswer', description: 'A plan, and the version that was sent.' },
)
export type PlanVersionAnswer = Static<typeof PlanVersionAnswer>

const dated = {
  plan_id: describe(Id, 'The id of a plan.'),
  from: describe(
    Day,
    'Deals that close on this day or later and name no plan take the plan, until the next default is in force.',
  ),
}

export const NewPlanDefault = Strict(dated, { $id: 'NewPlanDefault' })
export type NewPlanDefault = Static<typeof NewPlanDefault>

export const PlanDefault = Type.Object(
  { ...dated, set_at: describe(Timestamp, 'When the plan became the default from this day.') },
  { $id: 'PlanDefault', description: 'The plan of the deals that name none, from a day on.' },
)
export type PlanDefault = Static<typeof PlanDefault>

export const PlanDefaultAnswer = Type.Object({ default: ref(PlanDefault) }, { $id: 'PlanDefaultAnswer' })

export const PlanDefaultPage = Listing({ defaults: Type.Array(ref(PlanDefault)) }, { $id: 'PlanDefaultPage' })

/** The row has the digest of the submission. */
export type PlanRow = Pick<Plan, 'id' | 'name' | 'created_at'> & { submission: Buffer }

/** The row has the digest of what was sent. */
export type PlanVersionRow = Omit<PlanVersion, 'cap_per_deal'> & {
  plan_id: string
  cap_per_deal: PlanMoney | null
  submission: Buffer
}

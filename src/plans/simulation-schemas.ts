import { type Static, Type } from '@sinclair/typebox'
import {
  Currency,
  describe,
  Id,
  Money,
  ref,
  ReportCurrency,
  ReportPeriod,
  Strict,
} from '../values/schemas.ts'
import { NewPlanVersion } from './schemas.ts'

export const PlanSimulation = Strict(
  {
    ...Type.Pick(NewPlanVersion, ['rules', 'cap_per_deal']).properties,
    ...ReportPeriod,
    currency: Type.Optional(ReportCurrency),
  },
  { $id: 'PlanSimulation', description: 'A period of closed deals and the rules of a plan for them.' },
)
export type PlanSimulation = Static<typeof PlanSimulation>

const compared = {
  commission_now: describe(Money, 'The commissions that the deals have now, in units of the currency.'),
  commission_proposed: describe(Money, 'The commissions under the rules, in units of the currency.'),
  difference: Type.Number({ description: '`commission_proposed` minus `commission_now`.' }),
}

export const PartnerCommissions = Type.Object(
  {
    partner_id: Id,
    partner_name: Type.String({ description: 'The current name of the partner.' }),
    ...compared,
  },
  { $id: 'PartnerCommissions' },
)
export type PartnerCommissions = Static<typeof PartnerCommissions>

export const OtherCommissions = Type.Object(
  { partners_count: Type.Integer({ description: 'How many partners are not listed.' }), ...compared },
  { $id: 'OtherCommissions', description: 'The sums of the partners that are not listed.' },
)

export const PlanSimulationResult = Type.Object(
  {
    currency: Currency,
    deals_count: Type.Integer({ description: 'How many deals the period has in the currency.' }),
    total_payout: describe(Money, 'The payouts of these deals, in units of the currency.'),
    ...compared,
    partners: Type.Array(ref(PartnerCommissions), {
      description: 'The 1000 partners whose commission changes most, largest gain first.',
    }),
    others: ref(OtherCommissions),
  },
  { $id: 'PlanSimulationResult' },
)
export type PlanSimulationResult = Static<typeof PlanSimulationResult>

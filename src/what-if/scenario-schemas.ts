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
import { AttributionModel, ModelParameters } from '../record/terms-schemas.ts'

export const Scenario = Strict(
  {
    ...ReportPeriod,
    currency: Type.Optional(ReportCurrency),
    attribution_model: ref(AttributionModel),
    model_parameters: Type.Optional(ref(ModelParameters)),
  },
  { $id: 'Scenario', description: 'A period of closed deals and another model for them.' },
)
export type Scenario = Static<typeof Scenario>

const moved = {
  payout_now: describe(Money, 'The current payouts, in units of the currency.'),
  payout_proposed: describe(Money, 'The payouts under the other model, in units of the currency.'),
  difference: Type.Number({ description: '`payout_proposed` minus `payout_now`.' }),
}

export const Spread = Type.Object(
  { lowest: Money, highest: Money, spread: Money },
  {
    $id: 'Spread',
    description:
      'The lowest and the highest payout of the partner under any model but `agreed`, with default parameters.',
  },
)

export const UnattributedScenario = Type.Object(moved, {
  $id: 'UnattributedScenario',
  description: 'The unattributed amounts. All differences of the answer add up to zero.',
})

export const OtherPartners = Type.Object(
  { partners_count: Type.Integer({ description: 'How many partners are not listed.' }), ...moved },
  { $id: 'OtherPartners', description: 'The sums of the partners that are not listed.' },
)

export const PartnerScenario = Type.Object(
  {
    partner_id: Id,
    partner_name: Type.String(),
    ...moved,
    contested: ref(Spread),
  },
  { $id: 'PartnerScenario' },
)
export type PartnerScenario = Static<typeof PartnerScenario>

export const ScenarioResult = Type.Object(
  {
    attribution_model: ref(AttributionModel),
    currency: Currency,
    deals_count: Type.Integer({ description: 'How many deals were split.' }),
    total_amount: describe(Money, 'The sum of their amounts, in units of the currency.'),
    partners: Type.Array(ref(PartnerScenario), {
      description: 'The 1000 partners whose payout changes most, largest gain first.',
    }),
    others: ref(OtherPartners),
    unattributed: ref(UnattributedScenario),
  },
  { $id: 'ScenarioResult' },
)
export type ScenarioResult = Static<typeof ScenarioResult>

import { type Static, Type } from '@sinclair/typebox'
import { Currency, DateBound, Id, Money, ref, Strict } from '../values/schemas.ts'
import { AttributionModel, ModelParameters } from '../record/schemas.ts'

export const Scenario = Strict(
  {
    start_date: Type.Optional(DateBound),
    end_date: Type.Optional(DateBound),
    currency: Type.Optional(Currency),
    attribution_model: ref(AttributionModel),
    model_parameters: Type.Optional(ref(ModelParameters)),
  },
  { $id: 'Scenario', description: 'The deals that closed in a period, under another model.' },
)
export type Scenario = Static<typeof Scenario>

const moved = {
  payout_now: Money,
  payout_proposed: Money,
  difference: Type.Number({ description: 'Proposed less now, in units of the currency.' }),
}

export const Spread = Type.Object(
  { lowest: Money, highest: Money, spread: Money },
  {
    $id: 'Spread',
    description:
      'The payouts under the models that treat the partner worst and best, with default parameters.',
  },
)

export const UnattributedScenario = Type.Object(moved, {
  $id: 'UnattributedScenario',
  description: 'Its difference and those of all partners, the others too, add up to zero.',
})

export const OtherPartners = Type.Object(
  { partners_count: Type.Integer(), ...moved },
  { $id: 'OtherPartners', description: 'The partners that are not listed, in one sum.' },
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
    deals_count: Type.Integer(),
    total_amount: Money,
    partners: Type.Array(ref(PartnerScenario), {
      description: 'The 1000 whose payout moves most, largest gain first.',
    }),
    others: ref(OtherPartners),
    unattributed: ref(UnattributedScenario),
  },
  { $id: 'ScenarioResult' },
)
export type ScenarioResult = Static<typeof ScenarioResult>

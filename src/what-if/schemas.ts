import { type Static, Type } from '@sinclair/typebox'
import { mostTouchpoints, NewEvent } from '../events/schemas.ts'
import { Currency, DateOrTimestamp, describe, Id, Money, ref, Strict } from '../values/schemas.ts'
import { Attribution, Share } from '../splits/schemas.ts'
import { AttributionModel, sentTerms } from '../record/terms-schemas.ts'

export const SimulatedEvent = Strict(
  {
    id: Type.Optional(describe(Id, 'Events at the same instant are ordered by it. Default: a new id.')),
    ...Type.Pick(NewEvent, ['partner_id', 'touchpoint_type']).properties,
    timestamp: Type.Optional(
      describe(
        DateOrTimestamp,
        'When the touchpoint happened, as in `NewEvent`. Default: the time of the request.',
      ),
    ),
  },
  { $id: 'SimulatedEvent' },
)

export const Simulation = Strict(
  {
    ...sentTerms,
    events: Type.Array(ref(SimulatedEvent), {
      maxItems: mostTouchpoints,
      description: 'Two equal events with the same id count once; two different ones are refused (400).',
    }),
  },
  { $id: 'Simulation' },
)
export type Simulation = Static<typeof Simulation>

export const SimulatedShare = Type.Omit(Share, ['commission'], {
  $id: 'SimulatedShare',
  description: 'A share of a split that is not stored, and so has no commission.',
})
export type SimulatedShare = Static<typeof SimulatedShare>

export const SimulatedAttribution = Type.Object(
  {
    ...Type.Omit(Attribution, ['deal_id', 'version', 'voided_at']).properties,
    attributions: Type.Array(ref(SimulatedShare), {
      description: 'Highest payout first, then by partner id.',
    }),
  },
  { $id: 'SimulatedAttribution' },
)
export type SimulatedAttribution = Static<typeof SimulatedAttribution>

export const ModelSplit = Type.Object(
  { model: ref(AttributionModel), attributions: Type.Array(ref(SimulatedShare)), unattributed: Money },
  { $id: 'ModelSplit' },
)

export const Comparison = Type.Object(
  {
    deal_id: Id,
    total_amount: Money,
    currency: Currency,
    models: Type.Array(ref(ModelSplit)),
  },
  { $id: 'Comparison' },
)
export type Comparison = Static<typeof Comparison>

import { type Static, Type } from '@sinclair/typebox'
import { mostTouchpoints, NewEvent } from '../events/schemas.ts'
import { Currency, Id, Money, ref, Strict } from '../values/schemas.ts'
import { Attribution, Share } from '../splits/schemas.ts'
import { AttributionModel, sentFacts } from '../record/schemas.ts'

export const SimulatedEvent = Type.Omit(NewEvent, ['deal_id', 'metadata'], {
  $id: 'SimulatedEvent',
  additionalProperties: false,
})

export const Simulation = Strict(
  {
    ...sentFacts,
    events: Type.Array(ref(SimulatedEvent), {
      maxItems: mostTouchpoints,
      description: 'An id counts once, and none stands for two different events.',
    }),
  },
  { $id: 'Simulation' },
)
export type Simulation = Static<typeof Simulation>

export const SimulatedAttribution = Type.Omit(Attribution, ['deal_id', 'version'], {
  $id: 'SimulatedAttribution',
})
export type SimulatedAttribution = Static<typeof SimulatedAttribution>

export const ModelSplit = Type.Object(
  { model: ref(AttributionModel), attributions: Type.Array(ref(Share)), unattributed: Money },
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

import { type Static, Type } from '@sinclair/typebox'
import { TouchpointType } from '../events/schemas.ts'
import { Id, Money, Nullable, OneOf, ref, Timestamp } from '../values/schemas.ts'
import { Attribution } from './schemas.ts'

export const ExclusionReason = OneOf(['voided', 'deal_voided', 'after_close', 'before_lookback'], {
  $id: 'ExclusionReason',
})

export const OddUnitRule = OneOf(['largest remainder', 'earliest first touch', 'lower partner id'], {
  $id: 'OddUnitRule',
})

const explained = {
  event_id: Id,
  partner_id: Id,
  partner_name: Type.String(),
  touchpoint_type: ref(TouchpointType),
  timestamp: Timestamp,
}

export const ExplainedTouchpoint = Type.Object(
  {
    ...explained,
    weight: Type.String({
      description: 'Exact, before it is set against the others: `7/20`, `2^(-3/7)`.',
    }),
    age_ms: Nullable(Type.Integer({ description: 'time-decay: milliseconds before the last touchpoint.' })),
    half_life_ms: Nullable(Type.Integer({ description: 'time-decay: milliseconds.' })),
    percentage: Type.Number({ description: "Adds up to its partner's over the partner's touchpoints." }),
    payout: Money,
  },
  { $id: 'ExplainedTouchpoint' },
)

export const ExcludedTouchpoint = Type.Object(
  { ...explained, reason: ref(ExclusionReason) },
  { $id: 'ExcludedTouchpoint' },
)

export const OddUnit = Type.Object(
  { partner_id: Id, amount: Money, rule: ref(OddUnitRule) },
  { $id: 'OddUnit' },
)

export const PartnerSentence = Type.Object(
  { partner_id: Id, sentence: Type.String() },
  { $id: 'PartnerSentence' },
)

export const Explanation = Type.Object(
  {
    touchpoints: Type.Array(ref(ExplainedTouchpoint)),
    excluded: Type.Array(ref(ExcludedTouchpoint), {
      description: 'Touchpoints that did not qualify, and why.',
    }),
    odd_units: Type.Array(ref(OddUnit), {
      description: 'Who got the minor units that were left over, and by which rule.',
    }),
    sentences: Type.Array(ref(PartnerSentence), {
      description: 'What a partner manager can send to each partner.',
    }),
  },
  { $id: 'Explanation' },
)
export type Explanation = Static<typeof Explanation>

export const ExplainedAttribution = Type.Object(
  { ...Attribution.properties, explanation: Type.Optional(ref(Explanation)) },
  { $id: 'ExplainedAttribution', description: 'A split, with its explanation where asked.' },
)
export type ExplainedAttribution = Static<typeof ExplainedAttribution>

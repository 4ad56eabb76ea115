import { type Static, Type } from '@sinclair/typebox'
import { leftoverRules } from '../attribution/explain.ts'
import { exclusionReasons } from '../attribution/journey.ts'
import { TouchpointType } from '../events/schemas.ts'
import { describe, Id, Money, Nullable, OneOf, ref, Timestamp } from '../values/schemas.ts'
import { Attribution } from './schemas.ts'

export const ExclusionReason = OneOf(exclusionReasons, {
  $id: 'ExclusionReason',
  description:
    'Why a touchpoint does not count. `voided`: the event is void. `deal_voided`: the deal is void. `after_close`: later than `close_grace_minutes` after the close. `before_lookback`: more than `lookback_days` before the close. `partner_left`: its partner was inactive, without `credit_after_leaving`, on the day of the close.',
})

export const OddUnitRule = OneOf(leftoverRules, {
  $id: 'OddUnitRule',
  description:
    'Leftover minor units go to the largest remainders. Equal remainders: to the partner with the earliest first touchpoint, then to the lower partner id. Under `agreed`: to the lower partner id, and to a partner before the unattributed part.',
})

const explained = {
  event_id: Id,
  partner_id: Id,
  partner_name: Type.String({ description: 'The current name of the partner.' }),
  touchpoint_type: ref(TouchpointType),
  timestamp: Timestamp,
}

export const ExplainedTouchpoint = Type.Object(
  {
    ...explained,
    weight: Type.String({
      description: 'The exact weight in the model, as a term such as `7/20` or `2^(-3/7)`.',
    }),
    age_ms: Nullable(Type.Integer({ description: 'time-decay: milliseconds before the last touchpoint.' })),
    half_life_ms: Nullable(Type.Integer({ description: 'time-decay: the half-life in milliseconds.' })),
    percentage: Type.Number({
      description: "The touchpoint's part of its partner's percentage. The parts add up to it exactly.",
    }),
    payout: describe(
      Money,
      "The touchpoint's part of its partner's payout, in units of the currency. The parts add up to it exactly.",
    ),
  },
  { $id: 'ExplainedTouchpoint' },
)

export const ExcludedTouchpoint = Type.Object(
  { ...explained, reason: ref(ExclusionReason) },
  { $id: 'ExcludedTouchpoint' },
)

export const OddUnit = Type.Object(
  {
    partner_id: Nullable(describe(Id, 'Null: the unit stays unattributed, as `agreed` may leave it.')),
    amount: describe(Money, 'One minor unit, in units of the currency: 0.01 for USD.'),
    rule: ref(OddUnitRule),
  },
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
      description: 'Touchpoints that do not count, and why.',
    }),
    odd_units: Type.Array(ref(OddUnit), {
      description: 'Who got each leftover minor unit, and by which rule.',
    }),
    sentences: Type.Array(ref(PartnerSentence), {
      description: 'A sentence for each partner about its share.',
    }),
  },
  { $id: 'Explanation' },
)
export type Explanation = Static<typeof Explanation>

export const ExplainedAttribution = Type.Object(
  { ...Attribution.properties, explanation: Type.Optional(ref(Explanation)) },
  {
    $id: 'ExplainedAttribution',
    description: 'A split, with its `explanation` if the request asked for it.',
  },
)
export type ExplainedAttribution = Static<typeof ExplainedAttribution>

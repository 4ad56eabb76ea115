import { type Static, Type } from '@sinclair/typebox'
import { modelNames } from '../attribution/models.ts'
import { touchpointTypes } from '../attribution/touch.ts'
import {
  Amount,
  Currency,
  DateOrTimestamp,
  describe,
  Id,
  Nullable,
  OneOf,
  ref,
  Strict,
} from '../values/schemas.ts'

export const AttributionModel = OneOf(modelNames, {
  $id: 'AttributionModel',
  description:
    'How the amount of a deal is split. `equal`: every partner gets the same. `first-touch`, `last-touch`: the first or last touchpoint takes all. `role-based`: by the type of each touchpoint. `time-decay`: the later a touchpoint, the more it counts. `linear`: every touchpoint counts the same. `position-based`: by first, middle and last touchpoints. `agreed`: fixed percentages by partner, with touchpoints or without.',
})

export type AttributionModel = Static<typeof AttributionModel>

const weight = Type.Optional(Type.Number({ minimum: 0, maximum: 1000, 'x-decimals': 4 }))

export const Weights = Strict(
  Object.fromEntries([...touchpointTypes, 'first', 'middle', 'last'].map((name) => [name, weight])),
  {
    $id: 'Weights',
    description:
      'For role-based, the weight of each touchpoint type; for position-based, the weights of the first touchpoint, of all middle ones together, and of the last. The only touchpoint takes all, even if `first` is 0. They need not add up to 1. A weight that is left out takes its default, or keeps its value in a `PATCH`.',
  },
)

export const mostAgreed = 500

export const AgreedShare = Strict(
  {
    partner_id: describe(Id, 'A registered partner.'),
    percentage: Type.Number({ minimum: 0.01, maximum: 100, 'x-decimals': 2 }),
  },
  { $id: 'AgreedShare' },
)

/** Each parameter applies to the models that its description names; a parameter that is left out takes its default. */
export const ModelParameters = Strict(
  {
    close_grace_minutes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 525_600,
        description:
          'All models: touchpoints up to this many minutes after the close still count. Default: `ATTRIBUTION_CLOSE_GRACE_MINUTES` of the service.',
      }),
    ),
    lookback_days: Type.Optional(
      Nullable(
        Type.Integer({
          minimum: 1,
          maximum: 36_500,
          description:
            'All models: touchpoints more than this many days before the close do not count. Null: no limit. Default: `ATTRIBUTION_LOOKBACK_DAYS` of the service, or null.',
        }),
      ),
    ),
    weights: Type.Optional(ref(Weights)),
    half_life_days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3650,
        description:
          'time-decay: a touchpoint this many days before the last one counts half as much. Default: 7.',
      }),
    ),
    shares: Type.Optional(
      Type.Array(ref(AgreedShare), {
        minItems: 1,
        maxItems: mostAgreed,
        description:
          'agreed, which needs it: the percentage of each partner, each partner once. They add up to at most 100; the rest is unattributed. A `PATCH` replaces the whole list.',
      }),
    ),
  },
  {
    $id: 'ModelParameters',
    description:
      'Each parameter names the models that have it; another one is refused (400). A parameter that is left out takes its default, or keeps its value in a `PATCH`. All values are stored with the deal, so a default that changes later does not affect it.',
  },
)
export type ModelParameters = Static<typeof ModelParameters>

const closedDate =
  'When the deal closed: a date such as 2024-01-20, or an instant with its offset, cut to milliseconds, at most 24 hours ahead. A date, or a midnight in its own offset such as 2024-01-20T00:00:00+01:00, stands for that whole day: touchpoints count until the day ends in the time zone of the service.'

/** The close of a deal as clients send it. */
export const sentClose = {
  closed_date: Type.Optional(describe(DateOrTimestamp, closedDate)),
  closed_all_day: Type.Optional(
    Type.Boolean({
      description:
        'Whether `closed_date` stands for its whole day, in its own offset. Default: true for a date and for a midnight. A `closed_date` that was read and is sent back keeps what it stood for.',
    }),
  ),
}

/** The terms of a deal that a client closes or simulates. */
export const sentTerms = {
  amount: Amount,
  currency: Type.Optional(
    describe(
      Currency,
      'The currency of `amount`, an ISO 4217 code such as USD. It decides how many decimals an amount has: USD 2, JPY 0, KWD 3. Default: `DEFAULT_CURRENCY` of the service.',
    ),
  ),
  ...sentClose,
  closed_date: Type.Optional(describe(DateOrTimestamp, `${closedDate} Default: the time of the request.`)),
  attribution_model: ref(AttributionModel),
  model_parameters: Type.Optional(ref(ModelParameters)),
}
const SentTerms = Type.Object(sentTerms)
export type SentTerms = Static<typeof SentTerms>

import { type Static, Type } from '@sinclair/typebox'
import { refundedAmounts } from '../deals/schemas.ts'
import { AttributionModel } from '../record/terms-schemas.ts'
import { TouchpointType } from '../events/schemas.ts'
import {
  Currency,
  Day,
  describe,
  Id,
  Listing,
  Money,
  Nullable,
  OneOf,
  ref,
  Timestamp,
} from '../values/schemas.ts'
import { Partner } from '../partners/schemas.ts'

const amounts = { amount: describe(Money, 'The amount at the close, before refunds.'), ...refundedAmounts }
const count = Type.Integer({ minimum: 0 })

export const TouchpointCount = Type.Object(
  { touchpoint_type: ref(TouchpointType), count },
  { $id: 'TouchpointCount' },
)
export type TouchpointCount = Static<typeof TouchpointCount>

export const PartnerRank = Type.Object(
  {
    id: Id,
    name: Type.String(),
    deals_count: describe(count, 'Deals that credit the partner.'),
    total_payout: describe(Money, 'The sum of its payouts in these deals, in units of the currency.'),
    total_commission: describe(
      Money,
      'The sum of its commissions for these deals, in units of the currency.',
    ),
    revenue_share_pct: Type.Number({
      description: '`total_payout` in percent of the revenue of the period (net amounts), two decimals.',
    }),
    avg_attribution_pct: Type.Number({ description: 'The average percentage of its shares, two decimals.' }),
  },
  { $id: 'PartnerRank' },
)
export type PartnerRank = Static<typeof PartnerRank>

export const PartnerOrder = OneOf(['payout', 'deals', 'name'], {
  $id: 'PartnerOrder',
  description:
    'The order: `payout`, highest first (the default); `deals`, most first; `name`, ascending. Equal partners are ordered by id.',
})
export type PartnerOrder = Static<typeof PartnerOrder>

export const ModelUse = Type.Object(
  { attribution_model: ref(AttributionModel), count, total_amount: Money },
  { $id: 'ModelUse' },
)
export type ModelUse = Static<typeof ModelUse>

export const RecentDeal = Type.Object(
  {
    id: Id,
    ...amounts,
    currency: Currency,
    closed_date: Timestamp,
    attribution_model: ref(AttributionModel),
    touchpoints_count: describe(count, 'Events of the deal that are not void.'),
  },
  { $id: 'RecentDeal' },
)
export type RecentDeal = Static<typeof RecentDeal>

export const AnalyticsOverview = Type.Object(
  {
    total_deals: count,
    total_revenue: describe(Money, 'The sum of the net amounts (after refunds), in units of the currency.'),
    refunded: describe(Money, 'The sum of the refunds of these deals. It is not in `total_revenue`.'),
    unattributed: Type.Number({ description: 'The part of the revenue that no partner earns.' }),
    total_commission: describe(
      Money,
      'What the company owes partners for the deals, in units of the currency.',
    ),
    avg_deal_size: describe(Money, 'The average net amount, rounded half up to the minor unit.'),
  },
  { $id: 'AnalyticsOverview' },
)

export const AnalyticsFilters = Type.Object(
  {
    start_date: Nullable(describe(Day, 'The first day of the period. Null: from the first deal on.')),
    end_date: Nullable(describe(Day, 'The last day of the period. Null: to the last deal.')),
    currency: Currency,
  },
  { $id: 'AnalyticsFilters' },
)

export const PartnerRanking = Listing(
  { partners: Type.Array(ref(PartnerRank)), filters: ref(AnalyticsFilters) },
  { $id: 'PartnerRanking' },
)

export const Analytics = Type.Object(
  {
    overview: ref(AnalyticsOverview),
    partners: Type.Array(ref(PartnerRank)),
    models: Type.Array(ref(ModelUse)),
    touchpoints: Type.Array(ref(TouchpointCount)),
    recent_deals: Type.Array(ref(RecentDeal)),
    currencies: Type.Array(Currency, { description: 'All currencies that have deals, in any period.' }),
    filters: ref(AnalyticsFilters),
  },
  { $id: 'Analytics' },
)
export type Analytics = Static<typeof Analytics>

export const CreditedDeal = Type.Object(
  {
    id: Id,
    ...amounts,
    currency: Currency,
    closed_date: Timestamp,
    attribution_model: ref(AttributionModel),
    percentage: Type.Number({ description: "The partner's share of the deal, two decimals." }),
    payout: describe(Money, "The partner's part of `net_amount`, in units of the currency."),
  },
  { $id: 'CreditedDeal' },
)
export type CreditedDeal = Static<typeof CreditedDeal>

export const PartnerMonth = Type.Object(
  {
    month: Type.String({ pattern: '^\\d{4}-\\d{2}$', description: 'A month of `TIME_ZONE`.' }),
    deals_count: count,
    total_payout: Money,
  },
  { $id: 'PartnerMonth' },
)
export type PartnerMonth = Static<typeof PartnerMonth>

export const PartnerAnalytics = Type.Object(
  {
    partner: ref(Partner),
    currency: Currency,
    deals: Type.Array(ref(CreditedDeal), {
      description: 'The deals that credit the partner, newest close first: the last 100.',
    }),
    touchpoints: Type.Array(ref(TouchpointCount)),
    monthly: Type.Array(ref(PartnerMonth), {
      description: 'The last twelve months, oldest first. A deal is in the month of the day of its close.',
    }),
  },
  { $id: 'PartnerAnalytics' },
)
export type PartnerAnalytics = Static<typeof PartnerAnalytics>

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely, Transaction } from 'kysely'
import { type Static, Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import type { Calendar } from '../values/calendar.ts'
import { readDays } from '../values/periods.ts'
import { answers } from '../http/problems.ts'
import { describe, Id, Page, ref, ReportCurrency, ReportPeriod, Strict } from '../values/schemas.ts'
import { findPartner } from '../partners/queries.ts'
import type { Partner, PartnerRow } from '../partners/schemas.ts'
import * as partnerQueries from './partner-queries.ts'
import * as queries from './queries.ts'
import { Analytics, PartnerAnalytics, PartnerOrder, PartnerRanking } from './schemas.ts'

interface AnalyticsOptions {
  readonly db: Kysely<Database>
  readonly defaultCurrency: string
  readonly calendar: Calendar
  readonly toPartner: (row: PartnerRow) => Partner
}

const tags = ['Analytics']
const Filters = Strict({ ...ReportPeriod, currency: Type.Optional(ReportCurrency) })
const bestPartners = 20

const getAnalytics = {
  operationId: 'getAnalytics',
  summary: 'Get revenue, payouts and touchpoints of a period, in one currency',
  description:
    'Deals and revenue, the 20 partners with the highest payout, models, touchpoints, and the 10 deals that closed last. Deals are in the period by the day of their close, touchpoints by that of their `timestamp`: days of `TIME_ZONE`. Void deals, their touchpoints and void events are left out.',
  tags,
  querystring: Filters,
  response: answers({ 200: ref(Analytics) }),
}

const getPartnerRanks = {
  operationId: 'rankPartners',
  summary: 'Rank the partners that deals of a period credit',
  description:
    'Partners by payout, by number of deals or by name. If payouts change between two pages, a partner may be on both pages or on neither; `sort=name` avoids that.',
  tags,
  querystring: Strict({ ...Filters.properties, sort: Type.Optional(ref(PartnerOrder)), ...Page }),
  response: answers({ 200: ref(PartnerRanking) }),
}

const getPartnerAnalytics = {
  operationId: 'getPartnerAnalytics',
  summary: "Get a partner's deals, touchpoints and months",
  description: 'The deals that credit a partner, its touchpoints by type and its last twelve months.',
  tags,
  params: Type.Object({ partnerId: describe(Id, 'The id of the partner.') }),
  querystring: Strict({ currency: Type.Optional(ReportCurrency) }),
  response: answers({ 200: ref(PartnerAnalytics) }, 404),
}

export const analytics: FastifyPluginAsyncTypebox<AnalyticsOptions> = async (
  app,
  { db, defaultCurrency, calendar, toPartner },
) => {
  function toPeriod({ currency = defaultCurrency, ...sent }: Static<typeof Filters>) {
    const days = readDays(sent, calendar)
    const { first: start_date = null, last: end_date = null } = days
    return { filters: { start_date, end_date, currency }, period: { currency, ...days } }
  }

  app.get('/analytics', { schema: getAnalytics }, ({ query }) => {
    const { filters, period } = toPeriod(query)
    return inOneSnapshot(db, async (trx) => {
      const { overview, models } = await queries.findOverview(trx, period)
      const { partners } = await partnerQueries.rankPartners(trx, period, { limit: bestPartners })
      const touchpoints = await queries.countTouchpoints(trx, period)
      const recent_deals = await queries.listRecentDeals(trx, period)
      const currencies = await queries.listCurrencies(trx)
      return { overview, partners, models, touchpoints, recent_deals, currencies, filters }
    })
  })

  app.get('/analytics/partners', { schema: getPartnerRanks }, async ({ query }) => {
    const { filters, period } = toPeriod(query)
    return { ...(await partnerQueries.rankPartners(db, period, query)), filters }
  })

  app.get('/analytics/partner/:partnerId', { schema: getPartnerAnalytics }, ({ params, query }) => {
    const { partnerId } = params
    const { currency = defaultCurrency } = query
    const today = calendar.dateOf(Date.now())
    return inOneSnapshot(db, async (trx) => {
      const partner = await findPartner(trx, partnerId)
      if (partner === undefined) throw new PartnerNotFound(partnerId)
      return {
        partner: toPartner(partner),
        currency,
        deals: await partnerQueries.listCreditedDeals(trx, partnerId, currency),
        touchpoints: await partnerQueries.countTouchpointsOf(trx, partnerId),
        monthly: await partnerQueries.listMonths(trx, { partnerId, currency, today }),
      }
    })
  })
}

function inOneSnapshot<Result>(db: Kysely<Database>, read: (trx: Transaction<Database>) => Promise<Result>) {
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(read)
}

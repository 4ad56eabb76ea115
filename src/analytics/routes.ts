import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely, Transaction } from 'kysely'
import { type Static, Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import { readPeriod } from '../values/instants.ts'
import { answers } from '../http/problems.ts'
import { Currency, DateBound, Id, Page, ref, Strict } from '../values/schemas.ts'
import { findPartner } from '../partners/queries.ts'
import type { Partner, PartnerRow } from '../partners/schemas.ts'
import * as partnerFigures from './partner-queries.ts'
import * as figures from './queries.ts'
import { Analytics, PartnerAnalytics, PartnerOrder, PartnerRanking } from './schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly defaultCurrency: string
  readonly toPartner: (row: PartnerRow) => Partner
}

const tags = ['Analytics']
const Filters = Strict({
  start_date: Type.Optional(DateBound),
  end_date: Type.Optional(DateBound),
  currency: Type.Optional(Currency),
})
const bestPartners = 20

const getAnalytics = {
  operationId: 'getAnalytics',
  summary: 'Revenue, payouts and touchpoints over a period, in one currency',
  description:
    'Deals, revenue, the twenty partners with the highest payout, models, touchpoints and the ten deals that closed last. A period is by `closed_date`, or by `timestamp` for touchpoints; all money is in one currency.',
  tags,
  querystring: Filters,
  response: answers({ 200: ref(Analytics) }),
}

const getPartnerRanks = {
  operationId: 'rankPartners',
  summary: 'Every partner that deals of a period credit',
  description:
    'By payout or by the number of deals, the most first, or by name. Figures that move while pages are read may move a partner across a page; read them by name where that matters.',
  tags,
  querystring: Strict({ ...Filters.properties, sort: Type.Optional(ref(PartnerOrder)), ...Page }),
  response: answers({ 200: ref(PartnerRanking) }),
}

const getPartnerAnalytics = {
  operationId: 'getPartnerAnalytics',
  summary: "A partner's deals, touchpoints and months",
  description: 'The deals that credit a partner, its touchpoints by type and its last twelve months.',
  tags,
  params: Type.Object({ partnerId: Id }),
  querystring: Strict({ currency: Type.Optional(Currency) }),
  response: answers({ 200: ref(PartnerAnalytics) }, 404),
}

export const analytics: FastifyPluginAsyncTypebox<Needs> = async (
  app,
  { db, defaultCurrency, toPartner },
) => {
  app.get('/analytics', { schema: getAnalytics }, ({ query }) => {
    const { filters, period } = toPeriod(query, defaultCurrency)
    return inOneSnapshot(db, async (trx) => {
      const { overview, models } = await figures.findOverview(trx, period)
      const { partners } = await partnerFigures.rankPartners(trx, period, { limit: bestPartners })
      const touchpoints = await figures.countTouchpoints(trx, period)
      const recent_deals = await figures.listRecentDeals(trx, period)
      const currencies = await figures.listCurrencies(trx)
      return { overview, partners, models, touchpoints, recent_deals, currencies, filters }
    })
  })

  app.get('/analytics/partners', { schema: getPartnerRanks }, async ({ query }) => {
    const { filters, period } = toPeriod(query, defaultCurrency)
    return { ...(await partnerFigures.rankPartners(db, period, query)), filters }
  })

  app.get('/analytics/partner/:partnerId', { schema: getPartnerAnalytics }, ({ params, query }) => {
    const { partnerId } = params
    const { currency = defaultCurrency } = query
    return inOneSnapshot(db, async (trx) => {
      const partner = await findPartner(trx, partnerId)
      if (partner === undefined) throw new PartnerNotFound(partnerId)
      return {
        partner: toPartner(partner),
        currency,
        deals: await partnerFigures.listCreditedDeals(trx, partnerId, currency),
        touchpoints: await partnerFigures.countTouchpointsOf(trx, partnerId),
        monthly: await partnerFigures.listMonths(trx, partnerId, currency),
      }
    })
  })
}

function toPeriod({ start_date, end_date, currency }: Static<typeof Filters>, defaultCurrency: string) {
  const filters = {
    start_date: start_date ?? null,
    end_date: end_date ?? null,
    currency: currency ?? defaultCurrency,
  }
  return { filters, period: { currency: filters.currency, ...readPeriod(start_date, end_date) } }
}

function inOneSnapshot<Result>(db: Kysely<Database>, read: (trx: Transaction<Database>) => Promise<Result>) {
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(read)
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely, Transaction } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import { readPeriod } from '../http/instants.ts'
import { answers } from '../http/problems.ts'
import { Currency, DateBound, Id, ref, Strict } from '../http/schemas.ts'
import { findPartner } from '../partners/queries.ts'
import type { Partner, PartnerRow } from '../partners/schemas.ts'
import * as figures from './queries.ts'
import { Analytics, PartnerAnalytics } from './schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly defaultCurrency: string
  readonly toPartner: (row: PartnerRow) => Partner
}

const tags = ['Analytics']
const filters = {
  start_date: Type.Optional(DateBound),
  end_date: Type.Optional(DateBound),
  currency: Type.Optional(Currency),
}

const getAnalytics = {
  operationId: 'getAnalytics',
  summary: 'Revenue, payouts and touchpoints over a period, in one currency',
  description:
    'Deals, revenue, the twenty partners with the highest payout, models, touchpoints and the ten deals that closed last. A period is by `closed_date`, or by `timestamp` for touchpoints; all money is in one currency.',
  tags,
  querystring: Strict(filters),
  response: answers({ 200: ref(Analytics) }),
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
    const { start_date, end_date, currency = defaultCurrency } = query
    const period = { currency, ...readPeriod(start_date, end_date) }
    return inOneSnapshot(db, async (trx) => ({
      overview: await figures.findOverview(trx, period),
      partners: await figures.rankPartners(trx, period),
      models: await figures.listModels(trx, period),
      touchpoints: await figures.countTouchpoints(trx, period),
      recent_deals: await figures.listRecentDeals(trx, period),
      currencies: await figures.listCurrencies(trx),
      filters: { start_date: start_date ?? null, end_date: end_date ?? null, currency },
    }))
  })

  app.get('/analytics/partner/:partnerId', { schema: getPartnerAnalytics }, ({ params, query }) => {
    const { partnerId } = params
    const { currency = defaultCurrency } = query
    return inOneSnapshot(db, async (trx) => {
      const partner = await findPartner(trx, partnerId)
      if (partner === undefined) throw new PartnerNotFound(partnerId)
      return {
        partner: toPartner(partner),
        deals: await figures.listCreditedDeals(trx, partnerId, { currency }),
        touchpoints: await figures.countTouchpoints(trx, { partnerId }),
        monthly: await figures.listMonths(trx, partnerId, currency),
      }
    })
  })
}

function inOneSnapshot<Result>(db: Kysely<Database>, read: (trx: Transaction<Database>) => Promise<Result>) {
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(read)
}

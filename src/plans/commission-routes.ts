import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { findDeal } from '../deals/queries.ts'
import { DealNotFound } from '../errors.ts'
import { answers } from '../http/problems.ts'
import { describe, Id, Page, ref, Strict, Timestamp } from '../values/schemas.ts'
import { listOwedVersions } from './commission-queries.ts'
import { CommissionHistory, DealCommission } from './commission-schemas.ts'
import { readCommission } from './read-commission.ts'

interface CommissionsOptions {
  readonly db: Kysely<Database>
}

const tags = ['Commission plans']
const dealParams = Type.Object({ dealId: describe(Id, 'The id of the deal.') })

const getDealCommission = {
  operationId: 'getDealCommission',
  summary: 'Get what a deal owes its partners, now or at an earlier instant',
  description:
    'The commission of each partner, by the plan that the deal has pinned. The commissions add up to exactly `commission`.',
  tags,
  params: dealParams,
  querystring: Strict({
    explain: Type.Optional(
      Type.Boolean({
        description:
          'Whether to add the `explanation`: the rule, the exact quota and the rounding of each line.',
      }),
    ),
    as_of: Type.Optional(
      describe(Timestamp, 'Return what was owed at this instant. 404 if the deal had no split yet.'),
    ),
  }),
  response: answers({ 200: ref(DealCommission) }, 404),
}

const getCommissionHistory = {
  operationId: 'getCommissionHistory',
  summary: 'List every version of what a deal owes, oldest first',
  description:
    'Every change of the split or of the plan of the deal makes a version. A deal that a release without commissions recorded has none until then.',
  tags,
  params: dealParams,
  querystring: Strict({ limit: Page.limit, cursor: Page.cursor }),
  response: answers({ 200: ref(CommissionHistory) }, 404),
}

export const commissions: FastifyPluginAsyncTypebox<CommissionsOptions> = async (app, { db }) => {
  app.get('/deals/:dealId/commission', { schema: getDealCommission }, ({ params: { dealId }, query }) =>
    readCommission(db, { dealId, explain: query.explain === true, asOf: query.as_of }),
  )

  app.get(
    '/deals/:dealId/commission/history',
    { schema: getCommissionHistory },
    async ({ params: { dealId }, query }) => {
      if ((await findDeal(db, dealId)) === undefined) throw new DealNotFound(dealId)
      return listOwedVersions(db, dealId, query)
    },
  )
}

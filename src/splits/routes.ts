import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { RunLimited } from '../database/limit-concurrency.ts'
import type { Database } from '../database/tables.ts'
import type { Write } from '../http/idempotency.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import { allowNoBody } from '../http/json.ts'
import { answers } from '../http/problems.ts'
import type { Calendar } from '../values/calendar.ts'
import { describe, Id, Page, ref, Strict, Timestamp } from '../values/schemas.ts'
import { groupFinds } from './queries.ts'
import { listHistory } from './history-queries.ts'
import type { Memo } from '../record/memo.ts'
import type { DealRecord } from '../record/record.ts'
import { recalculate } from './recalculate.ts'
import { explainAttribution, getAttributionAt, getCurrent } from './explain-split.ts'
import { ExplainedAttribution } from './explanation-schemas.ts'
import { Attribution, AttributionHistory } from './schemas.ts'

interface SplitsOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly record: DealRecord
  readonly calendar: Calendar
  readonly memo: Memo
  readonly calculate: RunLimited
}

const tags = ['Attribution']
const dealParams = Type.Object({ dealId: describe(Id, 'The id of the deal.') })

export const getAttribution = {
  operationId: 'getAttribution',
  summary: 'Get the split of a deal, now or at an earlier instant',
  description:
    'How much of the deal each partner gets. The payouts and `unattributed` add up to exactly `total_amount`, and the percentages to exactly 100, or under `agreed` to what was agreed.',
  tags,
  params: dealParams,
  querystring: Strict({
    explain: Type.Optional(
      Type.Boolean({
        description:
          'Whether to add the `explanation`: the weight and payout of each touchpoint, the touchpoints that do not count, and who got each leftover minor unit.',
      }),
    ),
    as_of: Type.Optional(
      describe(Timestamp, 'Return the split that was current at this instant. 404 if there was none yet.'),
    ),
  }),
  response: answers({ 200: ref(ExplainedAttribution) }, 404),
}

const getHistory = {
  operationId: 'getAttributionHistory',
  summary: "List every version of a deal's split, oldest first",
  description:
    'Every change of what the split depends on makes a version, with its time and reason. A page whose versions have many shares has fewer versions than `limit`; go on with its `next_cursor`.',
  tags,
  params: dealParams,
  querystring: Strict({ limit: Page.limit, cursor: Page.cursor }),
  response: answers({ 200: ref(AttributionHistory) }, 404),
}

const postRecalculation = {
  operationId: 'recalculateAttribution',
  summary: 'Split a deal again from its stored data',
  description:
    'Computes the split again from the stored deal and events. If they have not changed, the version stays the same.',
  tags,
  params: dealParams,
  body: Strict({}),
  response: answers({ 200: ref(Attribution) }, 404),
}

export const splits: FastifyPluginAsyncTypebox<SplitsOptions> = async (
  app,
  { db, write, record, calendar, memo, calculate },
) => {
  const find = groupFinds(db)

  app.get('/attribution/:dealId', { schema: getAttribution }, (request, reply) => {
    const { dealId } = request.params
    const { explain, as_of: asOf } = request.query
    if (explain === true) {
      const signal = clientSignalOf(reply)
      return calculate(() => explainAttribution(db, { calendar, memo, dealId, asOf, signal }), { signal })
    }
    return asOf === undefined ? getCurrent(find, dealId) : getAttributionAt(db, dealId, asOf)
  })

  app.get('/attribution/:dealId/history', { schema: getHistory }, ({ params: { dealId }, query }) =>
    listHistory(db, dealId, query),
  )

  const recalculation = { schema: postRecalculation, preValidation: allowNoBody }
  app.post('/attribution/:dealId/recalculate', recalculation, (request, reply) =>
    write(request, reply, async (trx) => ({
      status: 200,
      body: await recalculate(trx, { record, dealId: request.params.dealId, keyId: request.caller.id }),
    })),
  )
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { actorOf } from '../audit/actors.ts'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import type { Write } from '../http/idempotency.ts'
import { answers } from '../http/problems.ts'
import { findPartner } from '../partners/queries.ts'
import type { Calendar } from '../values/calendar.ts'
import { describe, Id, Page, ref, Strict } from '../values/schemas.ts'
import { listBalances } from './balance-queries.ts'
import { Balance } from './balance-schemas.ts'
import { lockPeriod } from './lock-period.ts'
import { findPeriod, listPeriods } from './period-queries.ts'
import { Period, PeriodAnswer, PeriodLock, PeriodPage } from './period-schemas.ts'
import { Month } from './statement-schemas.ts'

interface LedgerOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  readonly calendar: Calendar
}

const tags = ['Ledger']
const periodParams = Type.Object({ month: Month })

const getPeriods = {
  operationId: 'listPeriods',
  summary: 'List the locked months, the latest first',
  description: 'Nothing is ever added to a locked month. Every other month is open.',
  tags,
  querystring: Strict(Page),
  response: answers({ 200: ref(PeriodPage) }),
}

const getPeriod = {
  operationId: 'getPeriod',
  summary: 'Get a month of the ledger, locked or open',
  description:
    'The digest and the totals of the moves of the month. Of an open month they are those that a lock would keep now.',
  tags,
  params: periodParams,
  response: answers({ 200: ref(Period) }),
}

const postLock = {
  operationId: 'lockPeriod',
  summary: 'Lock a month and every month before it, for ever',
  description:
    'After its end in `TIME_ZONE` a month can be locked. From then on it never changes: what is learnt later is posted in the first open month. A job then stores its statements. Locking a locked month changes nothing.',
  tags,
  params: periodParams,
  body: ref(PeriodLock),
  response: answers({ 200: ref(PeriodAnswer) }, 409),
}

const getBalance = {
  operationId: 'getBalance',
  summary: 'Get what the company owes a partner',
  description: 'By currency, from the ledger, as of today in `TIME_ZONE`.',
  tags,
  params: Type.Object({ partnerId: describe(Id, 'The id of the partner.') }),
  response: answers({ 200: ref(Balance) }, 404),
}

export const ledger: FastifyPluginAsyncTypebox<LedgerOptions> = async (app, { db, write, calendar }) => {
  app.get('/periods', { schema: getPeriods }, async ({ query }) => {
    const { page, pagination } = await listPeriods(db, query)
    return { periods: page, pagination }
  })

  app.get('/periods/:month', { schema: getPeriod }, ({ params }) => findPeriod(db, params.month))

  app.post('/periods/:month/lock', { schema: postLock, config: { scope: 'admin' } }, (request, reply) => {
    const locking = {
      month: request.params.month,
      expectedDigest: request.body.expected_digest,
      actor: actorOf(request),
      calendar,
      now: Date.now(),
    }
    return write(request, reply, async (trx) => ({
      status: 200,
      body: { period: await lockPeriod(trx, locking) },
    }))
  })

  app.get('/partners/:partnerId/balance', { schema: getBalance }, async ({ params: { partnerId } }) => {
    if ((await findPartner(db, partnerId)) === undefined) throw new PartnerNotFound(partnerId)
    return {
      partner_id: partnerId,
      balances: [...(await listBalances(db, partnerId, calendar.dateOf(Date.now())))],
    }
  })
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import type { Calendar } from '../values/calendar.ts'
import { readBounds, toInstants } from '../values/periods.ts'
import { answers } from '../http/problems.ts'
import { describe, Id, ListPeriod, Page, ref, Strict } from '../values/schemas.ts'
import { listAuditEntries } from './queries.ts'
import { AuditAction, AuditPage, AuditSubject } from './schemas.ts'

interface AuditOptions {
  readonly db: Kysely<Database>
  readonly calendar: Calendar
}

const getAudit = {
  operationId: 'listAudit',
  summary: 'List who did what to which object, newest first',
  description:
    'Actions on API keys, partners, payout details and commission plans, by requests and from the command line. An entry is written in the transaction of its action and never changes.',
  tags: ['Audit'],
  querystring: Strict({
    subject_kind: Type.Optional(ref(AuditSubject)),
    subject_id: Type.Optional(describe(Id, 'Only actions on the object with this id.')),
    key_id: Type.Optional(describe(Id, 'Only actions of this API key.')),
    action: Type.Optional(ref(AuditAction)),
    ...ListPeriod,
    ...Page,
  }),
  response: answers({ 200: ref(AuditPage) }),
}

export const audit: FastifyPluginAsyncTypebox<AuditOptions> = async (app, { db, calendar }) => {
  app.get('/audit', { schema: getAudit, config: { scope: 'admin' } }, async ({ query }) => {
    const { start_date, end_date, ...filter } = query
    const { page, pagination } = await listAuditEntries(db, {
      ...filter,
      ...toInstants(readBounds({ start_date, end_date }, calendar), calendar),
    })
    return { entries: page, pagination }
  })
}

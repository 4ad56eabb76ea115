import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { readPeriod } from '../values/instants.ts'
import { answers } from '../http/problems.ts'
import { DateBound, Id, Page, ref, Strict } from '../values/schemas.ts'
import { listAuditEntries } from './queries.ts'
import { AuditAction, AuditPage, AuditSubject } from './schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
}

const getAudit = {
  operationId: 'listAudit',
  summary: 'Who did what to which object, newest first',
  description:
    'What was done to API keys, partners and payout details, by requests and from the command line. Entries are written with what they record and never change.',
  tags: ['Audit'],
  querystring: Strict({
    subject_kind: Type.Optional(ref(AuditSubject)),
    subject_id: Type.Optional(Id),
    key_id: Type.Optional(Id),
    action: Type.Optional(ref(AuditAction)),
    start_date: Type.Optional(DateBound),
    end_date: Type.Optional(DateBound),
    ...Page,
  }),
  response: answers({ 200: ref(AuditPage) }),
}

export const audit: FastifyPluginAsyncTypebox<Needs> = async (app, { db }) => {
  app.get('/audit', { schema: getAudit, config: { scope: 'admin' } }, async ({ query }) => {
    const { start_date, end_date, ...filter } = query
    const { page, pagination } = await listAuditEntries(db, {
      ...filter,
      ...readPeriod(start_date, end_date),
    })
    return { entries: page, pagination }
  })
}

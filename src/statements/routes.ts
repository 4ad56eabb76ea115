import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import { parseInstant, toTimestamp } from '../http/instants.ts'
import { answers } from '../http/problems.ts'
import { Currency, Id, ref, Strict, Timestamp } from '../http/schemas.ts'
import { findPartner } from '../partners/queries.ts'
import { toCsv } from './csv.ts'
import { findStatement } from './queries.ts'
import { Month, Statement, StatementFormat } from './schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly defaultCurrency: string
}

const statement = {
  description: 'Success.',
  content: {
    'application/json': { schema: ref(Statement) },
    'text/csv': { schema: Type.String() },
  },
}

const getStatement = {
  operationId: 'getStatement',
  summary: "A partner's statement of a month",
  description:
    'The deals that closed in the month and credit the partner, each with the versions that led to its payout. The lines add up to the total. With `as_of` it is what the statement said at that instant.',
  tags: ['Partners'],
  params: Type.Object({ partnerId: Id }),
  querystring: Strict({
    month: Month,
    currency: Type.Optional(Currency),
    as_of: Type.Optional(Timestamp),
    format: Type.Optional(ref(StatementFormat)),
  }),
  response: answers({ 200: Type.Unsafe<Statement | string>(statement) }, 404),
}

export const statements: FastifyPluginAsyncTypebox<Needs> = async (app, { db, defaultCurrency }) => {
  app.get('/partners/:partnerId/statement', { schema: getStatement }, async (request, reply) => {
    const { partnerId } = request.params
    const { month, currency = defaultCurrency, as_of, format } = request.query
    if ((await findPartner(db, partnerId)) === undefined) throw new PartnerNotFound(partnerId)
    const found = await findStatement(db, {
      partner_id: partnerId,
      month,
      currency,
      as_of: as_of === undefined ? null : toTimestamp(parseInstant(as_of)?.at as number),
    })
    void reply.header('vary', 'Accept')
    if ((format ?? acceptedFormat(request)) === 'json') return found
    const name = `statement-${partnerId}-${month}-${currency}.csv`
    void reply.header('content-disposition', `attachment; filename="${name}"`)
    return reply.type('text/csv; charset=utf-8').send(toCsv(found))
  })
}

function acceptedFormat({ headers: { accept = '' } }: FastifyRequest): 'json' | 'csv' {
  const asksFor = (type: string) => accept.toLowerCase().includes(type)
  return asksFor('text/csv') && !asksFor('application/json') ? 'csv' : 'json'
}

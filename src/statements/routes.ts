import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { PartnerNotFound } from '../errors.ts'
import { parseInstant, toTimestamp } from '../values/instants.ts'
import { answers } from '../http/problems.ts'
import { Currency, Id, Page, ref, Strict, Timestamp } from '../values/schemas.ts'
import { findPartner } from '../partners/queries.ts'
import { toCsv } from './to-csv.ts'
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
    'The deals that closed in the month and credit the partner, each with the versions that led to its payout. The lines of all pages add up to the total. A page of CSV names the next one in its `Link` header. With `as_of` it is what the statement said at that instant.',
  tags: ['Partners'],
  params: Type.Object({ partnerId: Id }),
  querystring: Strict({
    month: Month,
    currency: Type.Optional(Currency),
    as_of: Type.Optional(Timestamp),
    format: Type.Optional(ref(StatementFormat)),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 1000 })),
    cursor: Page.cursor,
  }),
  response: answers({ 200: Type.Unsafe<Statement | string>(statement) }, 404),
}

export const statements: FastifyPluginAsyncTypebox<Needs> = async (app, { db, defaultCurrency }) => {
  app.get('/partners/:partnerId/statement', { schema: getStatement }, async (request, reply) => {
    const { partnerId } = request.params
    const { month, currency = defaultCurrency, as_of, format, ...page } = request.query
    if ((await findPartner(db, partnerId)) === undefined) throw new PartnerNotFound(partnerId)
    const asOf = as_of === undefined ? null : toTimestamp(parseInstant(as_of)?.at as number)
    const found = await findStatement(db, { partner_id: partnerId, month, currency, as_of: asOf }, page)
    void reply.header('vary', 'Accept')
    if ((format ?? acceptedFormat(request)) === 'json') return found
    const name = `statement-${partnerId}-${month}-${currency}.csv`
    void reply.header('content-disposition', `attachment; filename="${name}"`)
    const { next_cursor } = found.pagination
    if (next_cursor !== null) void reply.header('link', `<${nextUrl(request.url, next_cursor)}>; rel="next"`)
    return reply.type('text/csv; charset=utf-8').send(toCsv(found))
  })
}

function nextUrl(url: string, cursor: string): string {
  const [path, query] = url.split('?', 2)
  const parameters = new URLSearchParams(query)
  parameters.set('cursor', cursor)
  return `${path}?${parameters.toString()}`
}

function acceptedFormat({ headers: { accept = '' } }: FastifyRequest): 'json' | 'csv' {
  const asksFor = (type: string) => accept.toLowerCase().includes(type)
  return asksFor('text/csv') && !asksFor('application/json') ? 'csv' : 'json'
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import { type Static, Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { LedgerNotReady, PartnerNotFound } from '../errors.ts'
import { parseInstant, toTimestamp } from '../values/instants.ts'
import { answers } from '../http/problems.ts'
import { describe, Id, Page, ref, ReportCurrency, Strict, Timestamp } from '../values/schemas.ts'
import { findPartner } from '../partners/queries.ts'
import { toCsv } from './statement-csv.ts'
import { isLedgerReady } from './period-queries.ts'
import { findFrozenCsv, findStatement, type MinorStatement, toStatement } from './statement-queries.ts'
import { Month, Statement, StatementFormat } from './statement-schemas.ts'

interface StatementsOptions {
  readonly db: Kysely<Database>
  readonly defaultCurrency: string
}

const statementParams = Type.Object({ partnerId: describe(Id, 'The id of the partner.') })
const selection = {
  month: Month,
  currency: Type.Optional(ReportCurrency),
  as_of: Type.Optional(describe(Timestamp, 'Return the statement as it was at this instant. Default: now.')),
}
const paging = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, description: 'The most lines on a page. Default: 1000.' }),
  ),
  cursor: Type.Optional(describe(Page.cursor, 'The cursor of the next page, from the previous page.')),
}
const StatementQuery = Strict({ ...selection, ...paging })

const getStatement = {
  operationId: 'getStatement',
  summary: "Get a partner's statement of a month",
  description:
    'What the ledger posted for the partner in the month, line by line, with what was payable before and after. A locked month never changes; what is learnt later is a line of an open month. `opening` and `closing` are those of all pages.',
  tags: ['Ledger'],
  params: statementParams,
  querystring: Strict({ ...selection, format: Type.Optional(ref(StatementFormat)), ...paging }),
  response: answers({ 200: Type.Unsafe<Statement | string>(ref(Statement)) }, 404, 409),
}

const nextPage = Type.String({ description: 'The next page, `rel="next"`. Not on the last page.' })

const getStatementCsv = {
  operationId: 'getStatementCsv',
  summary: "Get a partner's statement of a month as CSV",
  description:
    'The statement with the opening, its lines, and the closing. The `Link` header has the next page. Of a locked month it is the stored file with all lines, unless `limit`, `cursor` or `as_of` is sent. A cell that a spreadsheet would run as a formula starts with an apostrophe.',
  tags: ['Ledger'],
  params: statementParams,
  querystring: StatementQuery,
  response: answers(
    {
      200: Type.Unsafe<string>({
        headers: { Link: nextPage },
        content: { 'text/csv': { schema: Type.String() } },
      }),
    },
    404,
    409,
  ),
}

export const statements: FastifyPluginAsyncTypebox<StatementsOptions> = async (
  app,
  { db, defaultCurrency },
) => {
  async function find(partnerId: string, query: Static<typeof StatementQuery>): Promise<MinorStatement> {
    const { month, currency = defaultCurrency, as_of, ...page } = query
    if (!(await isLedgerReady(db))) throw new LedgerNotReady()
    if ((await findPartner(db, partnerId)) === undefined) throw new PartnerNotFound(partnerId)
    const asOf = as_of === undefined ? null : toTimestamp(parseInstant(as_of)?.at as number)
    return findStatement(db, { partner_id: partnerId, month, currency, as_of: asOf }, page)
  }

  app.get('/partners/:partnerId/statement', { schema: getStatement }, async (request, reply) => {
    const { format = acceptedFormat(request), ...query } = request.query
    const found = await find(request.params.partnerId, query)
    void reply.header('vary', 'Accept')
    return format === 'json' ? toStatement(found) : sendCsv(reply, found)
  })

  app.get('/partners/:partnerId/statement.csv', { schema: getStatementCsv }, async (request, reply) => {
    const { month, currency = defaultCurrency, ...part } = request.query
    const { partnerId: partner_id } = request.params
    const csv =
      Object.keys(part).length === 0 ? await findFrozenCsv(db, { partner_id, month, currency }) : undefined
    if (csv !== undefined) return sendText(reply, { partner_id, month, currency }, csv)
    return sendCsv(reply, await find(partner_id, request.query))
  })
}

function sendCsv(reply: FastifyReply, statement: MinorStatement): FastifyReply {
  const { next_cursor } = statement.pagination
  if (next_cursor !== null)
    void reply.header('link', `<${nextUrl(reply.request.url, next_cursor)}>; rel="next"`)
  return sendText(reply, statement, toCsv(statement))
}

function sendText(
  reply: FastifyReply,
  { partner_id, month, currency }: Pick<Statement, 'partner_id' | 'month' | 'currency'>,
  csv: string,
): FastifyReply {
  // An id may hold what file names and headers cannot.
  const name = `statement-${partner_id.replaceAll(/[^\w.~-]/g, '_')}-${month}-${currency}.csv`
  void reply.header('content-disposition', `attachment; filename="${name}"`)
  return reply.type('text/csv; charset=utf-8').send(csv)
}

function nextUrl(url: string, cursor: string): string {
  const [path, query] = url.split('?', 2)
  const parameters = new URLSearchParams(query)
  parameters.set('cursor', cursor)
  // The header ends an address with >, which ids may hold.
  return `${path?.replaceAll('>', '%3E')}?${parameters.toString()}`
}

function acceptedFormat({ headers: { accept = '' } }: FastifyRequest): 'json' | 'csv' {
  const asksFor = (type: string) => accept.toLowerCase().includes(type)
  return asksFor('text/csv') && !asksFor('application/json') ? 'csv' : 'json'
}

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { type Static, Type } from '@sinclair/typebox'
import { limitConcurrency } from '../database/limit-concurrency.ts'
import type { Database } from '../database/tables.ts'
import { withRetries } from '../database/with-retries.ts'
import type { Authentication } from '../http/authentication.ts'
import { answers } from '../http/problems.ts'
import { createStreamAnswer } from '../http/stream-answer.ts'
import type { Calendar } from '../values/calendar.ts'
import { readDays } from '../values/periods.ts'
import { Currency, describe, Id, Page, ref, ReportPeriod, Strict } from '../values/schemas.ts'
import { listSplits, type SplitFilter } from './bulk-queries.ts'
import { AttributionPage, ShareLine } from './bulk-schemas.ts'
import { csv, ndjson, type ShareFormat, toShareLines } from './share-lines.ts'

interface BulkSplitsOptions {
  readonly db: Kysely<Database>
  readonly calendar: Calendar
  readonly findCaller: Authentication['findCaller']
}

// Each holds up to 5,000 shares, once as rows and once as text.
const exportsAtOnce = 4
// Of each listed deal the shares are counted first, so more deals of 500 shares would take longer than a statement may.
const dealsRead = 250

const tags = ['Attribution']
const onlyCurrency = describe(Currency, 'Only deals in this currency, an ISO 4217 code. Default: all.')
const Filters = Strict({
  ...ReportPeriod,
  currency: Type.Optional(onlyCurrency),
  partner_id: Type.Optional(describe(Id, 'Only the shares of this partner.')),
})
const counted =
  'Deals are in the period by `closed_on`, as in reports; void deals are left out. Deals that are recorded in the meantime cause no repeats and no gaps. A deal that is changed in the meantime has either its old split or its new one. If its `closed_date` changes, it can be missing or be there twice; the higher `version` is current.'
const lines =
  'The deals come oldest close first. The payouts of the lines of a deal add up to exactly its `total_amount`: a deal that is not attributed as a whole has one more line, without a partner, for the rest. With `partner_id` there are only the lines of this partner. The answer has any length and is sent while it is read from the database; it is cut off if the client reads too slowly, when the API key is revoked, or when the service stops. An answer that is cut off has no end, which HTTP clients report as an error. An instance sends four of these answers at once; another request is answered 503.'

const getAttributions = {
  operationId: 'listAttributions',
  summary: 'List the current splits of the deals of a period',
  description: `The splits of many deals, oldest close first. A page whose deals have many shares has fewer deals than \`limit\`; go on with its \`next_cursor\`. ${counted}`,
  tags,
  querystring: Strict({
    ...Filters.properties,
    partner_id: Type.Optional(
      describe(Id, 'Only deals that credit this partner, each with its whole split.'),
    ),
    limit: Page.limit,
    cursor: Page.cursor,
  }),
  response: answers({ 200: ref(AttributionPage) }),
}

const getSharesCsv = {
  operationId: 'exportAttributionsCsv',
  summary: 'Export the current splits of a period as CSV, a line for each share',
  description: `The columns are the fields of \`ShareLine\`. ${lines} A cell that a spreadsheet would run as a formula starts with an apostrophe. ${counted}`,
  tags,
  querystring: Filters,
  response: answers({
    200: Type.Unsafe<string>({ content: { 'text/csv': { schema: Type.String() } } }),
  }),
}

const getSharesNdjson = {
  operationId: 'exportAttributionsNdjson',
  summary: 'Export the current splits of a period as NDJSON, a line for each share',
  description: `One \`ShareLine\` a line. ${lines} ${counted}`,
  tags,
  querystring: Filters,
  response: answers({
    200: Type.Unsafe<string>({
      content: { 'text/plain': { schema: Type.String({ 'x-line': ref(ShareLine) }) } },
    }),
  }),
}

export const bulkSplits: FastifyPluginAsyncTypebox<BulkSplitsOptions> = async (
  app,
  { db, calendar, findCaller },
) => {
  const inTurn = limitConcurrency(exportsAtOnce, 0)
  const streamAnswer = createStreamAnswer(app, findCaller)

  function toFilter({ start_date, end_date, ...filter }: Static<typeof Filters>): SplitFilter {
    return { ...filter, days: readDays({ start_date, end_date }, calendar) }
  }

  app.get('/attributions', { schema: getAttributions }, ({ query }) => listSplits(db, toFilter(query), query))

  for (const [schema, format] of [
    [getSharesCsv, csv],
    [getSharesNdjson, ndjson],
  ] as const) {
    app.get(`/attributions.${format.name}`, { schema }, async (request, reply) => {
      const filter = toFilter(request.query)
      const headers = {
        'content-type': format.type,
        'content-disposition': `attachment; filename="${nameOf(filter)}.${format.name}"`,
      }
      await inTurn(() => streamAnswer(request, reply, { headers, chunks: exportShares(db, filter, format) }))
      return reply
    })
  }
}

type SplitPage = Awaited<ReturnType<typeof listSplits>>

/**
 * The text of all lines, a page of deals at a time. Between two pages no transaction is open. Pages after the first are
 * retried: the answer has begun, so a failure would cut it off.
 */
async function* exportShares(
  db: Kysely<Database>,
  filter: SplitFilter,
  { head, toText }: ShareFormat,
): AsyncGenerator<Buffer, void> {
  const toTexts = (page: SplitPage) =>
    page.attributions
      .flatMap((split) => toShareLines(split, filter.partner_id))
      .map(toText)
      .join('')
  let page = await listSplits(db, filter, { limit: dealsRead })
  yield Buffer.from(head + toTexts(page))
  while (page.pagination.next_cursor !== null) {
    const cursor = page.pagination.next_cursor
    page = await withRetries(() => listSplits(db, filter, { limit: dealsRead, cursor }))
    yield Buffer.from(toTexts(page))
  }
}

function nameOf({ days: { first, last } }: SplitFilter): string {
  return ['attributions', first, last].filter((part) => part !== undefined).join('-')
}

import type { ImportReport } from '../bulk-import/schemas.ts'
import { type ApiResponse, type CallApi, faultsOf, reasonOf } from './api-client.ts'
import { describeFaults } from './describe-refusal.ts'
import type { Kind } from './file-line.ts'
import type { RefusedRow, Row } from './make-rows.ts'

/** How many rows the service stored, how many it had already, and the rows it refused. */
interface SendResult {
  readonly stored: number
  readonly known: number
  readonly refused: readonly RefusedRow[]
}

type SendRows = (call: CallApi, rows: readonly Row[]) => Promise<SendResult>

const dealsAtOnce = 8

/** Sends rows of each kind. Rows with the same id are sent in order, so that a second import ends with the same result. */
export const sendRows: Readonly<Record<Kind, SendRows>> = {
  // One at a time, because two partners may also have the same e-mail address.
  partner: (call, rows) => sendInTurn(call, '/partners', rows),
  event: sendEvents,
  async deal(call, rows) {
    const waiting = Map.groupBy(rows, ({ id }) => id).values()
    const sendNext = async (): Promise<SendResult[]> => {
      const results = []
      for (const sameId of waiting) results.push(await sendInTurn(call, '/deals', sameId))
      return results
    }
    return addResults((await Promise.all(Array.from({ length: dealsAtOnce }, sendNext))).flat())
  },
}

async function sendInTurn(call: CallApi, path: string, rows: readonly Row[]): Promise<SendResult> {
  const results = []
  for (const row of rows) results.push(toResult(row, await call('POST', path, row.body)))
  return addResults(results)
}

/**
 * Sends events as the lines of one body. The report of the service lists a limited number of refused lines. If it lists fewer
 * than were refused, the lines after the last listed one are sent again, to get the reasons of the others.
 */
async function sendEvents(call: CallApi, rows: readonly Row[]): Promise<SendResult> {
  const lines = rows.map(({ body }) => `${JSON.stringify(body)}\n`).join('')
  const { status, body } = await call('POST', '/events/import', lines)
  if (status !== 200) throw new Error(`The service refused the import: ${reasonOf(body)}`)
  const { accepted, duplicates, refused, refusals } = body as unknown as ImportReport
  const listed = refusals.map(({ line, ...why }) => refuse(rows[line - 1] as Row, why))
  const result = { stored: accepted, known: duplicates, refused: listed }
  const last = refusals.at(-1)
  if (last === undefined || refusals.length === refused) return result
  const rest = await sendEvents(call, rows.slice(last.line))
  return addResults([result, { ...rest, known: 0 }])
}

function toResult(row: Row, response: ApiResponse): SendResult {
  if (response.status === 201) return { stored: 1, known: 0, refused: [] }
  if (response.status === 200) return { stored: 0, known: 1, refused: [] }
  return { stored: 0, known: 0, refused: [refuse(row, response.body)] }
}

function refuse({ body: sent, plan, id, ...place }: Row, body: ApiResponse['body']): RefusedRow {
  const faults = faultsOf(body)
  const reason = faults.length > 0 ? describeFaults(plan, sent, faults) : String(body['detail'])
  return { ...place, id, reason }
}

/** Adds up results; the refused rows in the order of their lines. */
function addResults(results: readonly SendResult[]): SendResult {
  return {
    stored: results.reduce((sum, { stored }) => sum + stored, 0),
    known: results.reduce((sum, { known }) => sum + known, 0),
    refused: results.flatMap(({ refused }) => refused).sort((a, b) => a.line - b.line),
  }
}

import type { LinesReport } from '../bulk-import/schemas.ts'
import { type ApiResponse, type CallApi, faultsOf, reasonOf } from './api-client.ts'
import type { Batch } from './batches.ts'
import { describeFaults } from './describe-refusal.ts'
import type { RefusedRow, Row } from './make-rows.ts'

/** How many rows the service stored, changed, or had already, and the rows it refused. */
interface SendResult {
  readonly stored: number
  readonly changed: number
  readonly known: number
  readonly refused: readonly RefusedRow[]
}

export type ImportMode = 'submit' | 'declare'

/**
 * Sends rows as the lines of one body. The report of the service lists a limited number of refused lines. If it lists fewer
 * than were refused, the lines after the last listed one are sent again, to get the reasons of the others.
 */
export async function sendRows(call: CallApi, mode: ImportMode, { rows, lines }: Batch): Promise<SendResult> {
  const { status, body } = await call('POST', `/import?mode=${mode}`, lines.join(''))
  if (status !== 200) throw new Error(`The service refused the import: ${reasonOf(body)}`)
  const { created, changed, unchanged, refused, refusals } = body as unknown as LinesReport
  const result = {
    stored: created,
    changed,
    known: unchanged,
    refused: refusals.map(({ line, ...why }) => refuse(rows[line - 1] as Row, why)),
  }
  const last = refusals.at(-1)?.line
  if (last === undefined || refusals.length === refused) return result
  const rest = await sendRows(call, mode, { rows: rows.slice(last), lines: lines.slice(last) })
  return { ...result, refused: [...result.refused, ...rest.refused] }
}

function refuse({ body: sent, plan, id, ...place }: Row, body: ApiResponse['body']): RefusedRow {
  const faults = faultsOf(body)
  const reason = faults.length > 0 ? describeFaults(plan, sent, faults) : String(body['detail'])
  return { ...place, id, reason }
}

import { toCsvCell, toCsvLine } from '../values/csv.ts'
import { toDecimal } from '../values/money.ts'
import type { MinorStatement } from './queries.ts'

const columns = [
  'deal_id',
  'closed_date',
  'version',
  'percentage',
  'payout',
  'currency',
  'reasons',
  'changed_at',
] as const

/** A page of a statement as CSV: a line for each deal, and a line with the total of all pages. Money is exact at any size. */
export function toCsv({ lines, currency, total_minor }: MinorStatement): string {
  const rows = lines.map(({ changes, ...line }) => [
    toCsvCell(line.deal_id),
    line.closed_date,
    line.version,
    line.percentage,
    toDecimal(line.payout_minor, currency),
    currency,
    changes.map(({ reason }) => reason).join(' '),
    changes.at(-1)?.calculated_at ?? '',
  ])
  const total = ['total', '', '', '', toDecimal(total_minor, currency), currency, '', '']
  return [columns, ...rows, total].map(toCsvLine).join('')
}

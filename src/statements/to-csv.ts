import type { Statement } from './schemas.ts'

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

/** A page of a statement as CSV (RFC 4180): a line for each deal, and a line with the total of all pages. */
export function toCsv({ lines, currency, total_payout }: Statement): string {
  const rows = lines.map(({ changes, ...line }) => [
    line.deal_id,
    line.closed_date,
    line.version,
    line.percentage,
    line.payout,
    currency,
    changes.map(({ reason }) => reason).join(' '),
    changes.at(-1)?.calculated_at ?? '',
  ])
  const total = ['total', '', '', '', total_payout, currency, '', '']
  return [columns, ...rows, total].map((row) => `${row.map(toCell).join(',')}\r\n`).join('')
}

// Spreadsheets run text that starts like a formula (CSV injection); an apostrophe prevents that.
function toCell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

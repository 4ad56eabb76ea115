import { toCsvCell, toCsvLine } from '../values/csv.ts'
import { toDecimal } from '../values/money.ts'
import type { MinorStatement } from './statement-queries.ts'

const columns = [
  'kind',
  'deal_id',
  'deal_name',
  'effective_on',
  'amount',
  'before',
  'after',
  'currency',
  'reason',
  'note',
  'commission_version',
  'split_version',
  'deal_amount',
  'refunded_amount',
  'attribution_model',
  'percentage',
  'payout',
  'plan_id',
  'rate',
  'posted_at',
] as const

/** A page of a statement as CSV: the opening, its lines, the closing. Money is exact at any size. */
export function toCsv(statement: MinorStatement): string {
  return [toCsvStart(statement), toCsvLines(statement), toCsvEnd(statement)].join('')
}

export function toCsvStart({ currency, opening_minor }: MinorStatement): string {
  return toCsvLine(columns) + toTotal('opening', opening_minor, currency)
}

export function toCsvEnd({ currency, closing_minor }: MinorStatement): string {
  return toTotal('closing', closing_minor, currency)
}

function toTotal(kind: string, minor: bigint, currency: string): string {
  const blanks = columns.slice(8).map(() => '')
  return toCsvLine([kind, '', '', '', toDecimal(minor, currency), '', '', currency, ...blanks])
}

export function toCsvLines({ lines, currency }: MinorStatement): string {
  const toText = (minor: bigint) => toDecimal(minor, currency)
  const rows = lines.map((line) => [
    line.kind,
    toCsvCell(line.deal_id),
    toCsvCell(line.deal_name ?? ''),
    line.effective_on,
    toText(line.amount_minor),
    toText(line.before_minor),
    toText(line.after_minor),
    currency,
    line.reason,
    toCsvCell(line.note ?? ''),
    line.commission_version,
    line.split_version,
    toText(line.deal_amount_minor),
    toText(line.refunded_amount_minor),
    line.attribution_model,
    line.percentage,
    toText(line.payout_minor),
    toCsvCell(line.plan_id),
    line.rate,
    line.posted_at,
  ])
  return rows.map(toCsvLine).join('')
}

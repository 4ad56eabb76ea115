import { toCsvCell, toCsvLine } from '../values/csv.ts'
import { type DealAttribution, ShareLine } from './bulk-schemas.ts'

/** A format of share lines. Its name is also the ending of file names. */
export interface ShareFormat {
  readonly name: 'csv' | 'ndjson'
  readonly type: string
  /** The text before the first line. */
  readonly head: string
  readonly toText: (line: ShareLine) => string
}

const columns = Object.keys(ShareLine.properties) as (keyof ShareLine)[]

export const csv: ShareFormat = {
  name: 'csv',
  type: 'text/csv; charset=utf-8',
  head: toCsvLine(columns),
  toText: (line) =>
    toCsvLine(
      columns.map((column) => {
        const value = line[column]
        return typeof value === 'string' ? toCsvCell(value) : value
      }),
    ),
}

export const ndjson: ShareFormat = {
  name: 'ndjson',
  // Generated clients parse a type with `json` in its name, such as application/x-ndjson, as one JSON value.
  type: 'text/plain; charset=utf-8',
  head: '',
  toText: (line) => `${JSON.stringify(line)}\n`,
}

/**
 * A line for each share of a split, and one without a partner if the shares leave a part of the deal. With `partnerId` only
 * the line of this partner.
 */
export function toShareLines(split: DealAttribution, partnerId?: string): readonly ShareLine[] {
  const {
    attributions,
    deal_id,
    closed_on,
    currency,
    total_amount,
    unattributed,
    model,
    version,
    calculated_at,
  } = split
  const noPartner = {
    partner_id: null,
    partner_name: null,
    percentage:
      attributions.reduce((left, { percentage }) => left - Math.round(percentage * 100), 10_000) / 100,
    payout: unattributed,
    commission: 0,
    touchpoints: 0,
    role: '',
  }
  const isLeft = noPartner.percentage > 0 || unattributed > 0
  const shares = isLeft ? [...attributions, noPartner] : attributions
  return shares
    .filter(({ partner_id }) => partnerId === undefined || partner_id === partnerId)
    .map(({ partner_id, partner_name, percentage, payout, commission, touchpoints, role }) => ({
      deal_id,
      closed_on,
      currency,
      total_amount,
      partner_id,
      partner_name,
      percentage,
      payout,
      commission,
      touchpoints,
      role,
      model,
      version,
      calculated_at,
    }))
}

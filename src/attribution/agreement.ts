/** A part of every deal that a partner was promised. */
export interface AgreedShare {
  readonly partner_id: string
  /** At most two decimals. */
  readonly percentage: number
}

/** 100 %, in hundredths of a percent. */
export const hundredPercent = 10_000

/** Shares in one order and form: their text is part of the fingerprint. */
export function inOrder(shares: readonly AgreedShare[]): readonly AgreedShare[] {
  return shares
    .map(({ partner_id, percentage }) => ({ partner_id, percentage }))
    .sort((a, b) => (a.partner_id < b.partner_id ? -1 : 1))
}

/** Each partner's hundredths of a percent, in the order that breaks ties: the lower id first. */
export function readAgreement(shares: readonly AgreedShare[]): ReadonlyMap<string, number> {
  return new Map(inOrder(shares).map(({ partner_id, percentage }) => [partner_id, toHundredths(percentage)]))
}

/** The sum of all percentages, in hundredths of a percent. */
export function sumAgreement(shares: readonly AgreedShare[]): number {
  return shares.reduce((sum, { percentage }) => sum + toHundredths(percentage), 0)
}

// A percentage has at most two decimals, so rounding only removes the error of the product.
function toHundredths(percentage: number): number {
  return Math.round(percentage * 100)
}

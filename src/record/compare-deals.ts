import { isDeepStrictEqual } from 'node:util'
import type { DealDescription, DealRow, DealTerms } from './schemas.ts'

interface Described {
  readonly terms: DealTerms
  readonly description: DealDescription
}

/** Whether a deal would stay what it is for its clients: to get its day is no change. */
export function isSameDeal(row: DealRow, { terms, description }: Described): boolean {
  const { closed_on: _, ...sent } = terms
  return (
    Object.entries(sent).every(([name, value]) => isDeepStrictEqual(row[name as keyof DealRow], value)) &&
    isSameDescription(row, description)
  )
}

export function isSameDescription(row: DealRow, description: DealDescription): boolean {
  const { name, metadata } = row
  return isDeepStrictEqual({ name, metadata }, description)
}

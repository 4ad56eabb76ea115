import { isSameValue } from '../values/same-value.ts'
import type { DealDescription, DealRow, DealTerms } from './schemas.ts'

interface Described {
  readonly terms: DealTerms
  readonly description: DealDescription
}

/** Whether a deal would stay what it is for its clients: to get its day is no change. */
export function isSameDeal(row: DealRow, { terms, description }: Described): boolean {
  const { closed_on: _, ...sent } = terms
  return (
    Object.entries(sent).every(([name, value]) => isSameValue(row[name as keyof DealRow], value)) &&
    isSameDescription(row, description)
  )
}

export function isSameDescription(row: DealRow, description: DealDescription): boolean {
  const { name, metadata } = row
  return isSameValue({ name, metadata }, description)
}

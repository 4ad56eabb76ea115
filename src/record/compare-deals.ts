import { isSameValue } from '../values/same-value.ts'
import { planNameOf } from './pick-plans.ts'
import type { DealDescription, DealRow, DealTerms } from './schemas.ts'

interface Described {
  readonly terms: DealTerms
  readonly description: DealDescription
  /** The commission plan that the client named. */
  readonly plan_name: string | null
}

/** Whether a deal would stay what it is for its clients: to get its day is no change. */
export function isSameDeal(row: DealRow, { terms, description, plan_name }: Described): boolean {
  const { closed_on: _, ...sent } = terms
  return (
    Object.entries(sent).every(([name, value]) => isSameValue(row[name as keyof DealRow], value)) &&
    isSameDescription(row, description) &&
    planNameOf(row) === plan_name
  )
}

export function isSameDescription(row: DealRow, description: DealDescription): boolean {
  const { name, metadata } = row
  return isSameValue({ name, metadata }, description)
}

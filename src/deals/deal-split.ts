import type { ChangedDeal } from '../record/changes.ts'
import { toAttribution } from '../splits/queries.ts'
import { toDeal } from './queries.ts'
import type { DealSplit } from './schemas.ts'

/** A deal and its split, as a change left them. */
export function toDealSplit({ row, split, isNew }: ChangedDeal): DealSplit {
  return { deal: toDeal(row), attribution: { ...toAttribution(split), cached: !isNew } }
}

import type { Kysely } from 'kysely'
import { attribute } from '../attribution/attribute.ts'
import { qualify } from '../attribution/journey.ts'
import type { Database } from '../database/tables.ts'
import type { Calendar } from '../values/calendar.ts'
import type { ChangedDeal, DealChange, DealFacts, SplitStep } from './changes.ts'
import { addCommissions } from './commissions.ts'
import { fingerprintOf, readTouches, toJourney } from './journeys.ts'
import { withDay } from './read-close.ts'
import { planNameOf } from './pick-plans.ts'
import { createPlanVersions } from './plan-versions.ts'
import type { RecordedDeal } from './recorded-deals.ts'
import { netOf, type TouchRow, type VersionReason, type VersionRow } from './schemas.ts'
import { listUncredited } from './uncredited-partners.ts'
import { writeSteps } from './write-steps.ts'
import { createYield } from './yield-thread.ts'

/** Writes changes of deals down: nothing else writes a version, a share or what reports count. */
export interface DealRecord {
  /**
   * Splits deals again and writes down what follows, in the transaction of the cause: the deals, a version of each whose
   * fingerprint changed, its shares, and what reports add and take away. Returns the closed ones by id. The caller holds the
   * locks of the deals.
   */
  readonly change: (
    trx: Kysely<Database>,
    reason: VersionReason,
    changes: readonly DealChange[],
  ) => Promise<ReadonlyMap<string, ChangedDeal>>
}

interface RecordOptions {
  readonly calendar: Calendar
  /** Is told how many versions were recorded. */
  readonly onRecorded?: (reason: VersionReason, count: number) => void
}

export function createRecord({ calendar, onRecorded = () => {} }: RecordOptions): DealRecord {
  const readPlans = createPlanVersions()
  return {
    async change(trx, reason, changes) {
      const byId = new Map(changes.map((change) => [change.deal_id, change]))
      const changed = new Map<string, ChangedDeal>()
      const yieldThread = createYield()
      for await (const { dealIds, touches } of readTouches(trx, [...byId.keys()])) {
        const pending = dealIds.map((dealId) =>
          toPending(byId.get(dealId) as DealChange, touches.get(dealId) ?? [], calendar),
        )
        const closed = pending.flatMap(({ deal_id, next, touches }) =>
          next === undefined ? [] : [{ deal_id, terms: next.terms, touches }],
        )
        const uncredited = await listUncredited(trx, calendar, closed)
        const steps: SplitStep[] = []
        for (const change of pending) {
          await yieldThread()
          steps.push(toStep(change, uncredited.get(change.deal_id) ?? null))
        }
        const owing = await addCommissions(trx, steps, { readPlans, calendar })
        for (const deal of await writeSteps(trx, reason, owing)) changed.set(deal.row.id, deal)
        const versions = steps.filter(({ split }) => split !== undefined).length
        if (versions > 0) onRecorded(reason, versions)
      }
      return changed
    },
  }
}

type Pending = Omit<SplitStep, 'split'>

function toPending(change: DealChange, touches: readonly TouchRow[], calendar: Calendar): Pending {
  const { before, after } = change
  const next = before === undefined ? (after as DealFacts) : { ...factsOf(before, calendar), ...after }
  return { ...change, touches, next }
}

function toStep(change: Pending, uncredited: VersionRow['uncredited_partner_ids']): SplitStep {
  const { before, next, touches } = change
  if (next === undefined) return { ...change, split: undefined }
  const { refunded_minor, void_reason } = next
  const terms = { ...next.terms, amount_minor: netOf({ ...next.terms, refunded_minor }) }
  const journey = toJourney({ terms, is_void: void_reason !== null, uncredited }, touches)
  const qualification = qualify(journey)
  const fingerprint = fingerprintOf(journey, qualification)
  if (before?.fingerprint.equals(fingerprint)) return { ...change, split: undefined }
  const split = attribute(journey, qualification)
  return { ...change, split: { ...split, fingerprint, uncredited_partner_ids: uncredited } }
}

// A deal of a release without days gets its day with its next change.
function factsOf({ row }: RecordedDeal, calendar: Calendar): DealFacts {
  const {
    amount_minor,
    currency,
    attribution_model,
    model_parameters,
    refunded_minor,
    void_reason,
    submission,
    name,
    metadata,
  } = row
  const terms = { amount_minor, currency, ...withDay(row, calendar), attribution_model, model_parameters }
  return {
    terms,
    refunded_minor,
    void_reason,
    submission,
    description: { name, metadata },
    plan_name: planNameOf(row),
  }
}

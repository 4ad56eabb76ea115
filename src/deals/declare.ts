import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealVoid } from '../errors.ts'
import type { WriteOutcome } from '../http/idempotency.ts'
import { findRefusals } from '../record/agreed-partners.ts'
import { findMergedInto, moveShares } from '../record/merged-partners.ts'
import { causeOf } from '../record/cause.ts'
import type { ChangedDeal, DealChange as RecordedChange, DealFacts } from '../record/changes.ts'
import { isSameDeal } from '../record/compare-deals.ts'
import { findUnknownPlans } from '../record/pick-plans.ts'
import type { DealDefaults } from '../record/read-terms.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded, type RecordedDeal } from '../record/recorded-deals.ts'
import type { DealRow, DealTerms } from '../record/schemas.ts'
import { factsAfter } from './amend.ts'
import { toChange, toSubmission } from './close.ts'
import { toDealSplit } from './deal-split.ts'
import type { DealDeclaration, DealSplit } from './schemas.ts'

/** A deal as a client knows it, and the id of the API key of the client. */
export interface Declaration {
  readonly id: string
  readonly sent: DealDeclaration
  readonly keyId: string
}

interface Declaring {
  readonly record: DealRecord
  readonly defaults: DealDefaults
}

/** What a declaration did, with the deal from now on; or why it was refused. */
export type Declared =
  | { readonly outcome: 'created' | 'changed' | 'unchanged'; readonly deal: ChangedDeal }
  | { readonly refusal: Error }

/** Makes or changes a deal, so that it is what the client says. Errors: 400, 409 if a void deal would change. */
export async function declareDeal(
  trx: Kysely<Database>,
  declaring: Declaring,
  declaration: Declaration,
): Promise<WriteOutcome<DealSplit>> {
  await lockDeals(trx, [declaration.id])
  const [declared] = (await declareDeals(trx, declaring, [declaration])) as [Declared]
  if ('refusal' in declared) throw declared.refusal
  return { status: declared.outcome === 'created' ? 201 : 200, body: toDealSplit(declared.deal) }
}

/** Makes or changes several deals with different ids; the caller holds their locks. */
export async function declareDeals(
  trx: Kysely<Database>,
  { record, defaults }: Declaring,
  declarations: readonly Declaration[],
): Promise<Declared[]> {
  const stored = await findRecorded(
    trx,
    declarations.map(({ id }) => id),
  )
  const sentPartners = declarations.flatMap(({ sent }) => sent.model_parameters?.shares ?? [])
  const mergedInto = await findMergedInto(trx, [...new Set(sentPartners.map(({ partner_id }) => partner_id))])
  const plans = declarations.map((declaration) =>
    planOf(declaration, stored.get(declaration.id), { defaults, mergedInto }),
  )
  const refusals = await findRefusals(
    trx,
    plans.flatMap((plan) => ('change' in plan ? [plan.terms] : [])),
  )
  const unknownPlans = await findUnknownPlans(
    trx,
    plans.flatMap((plan) => ('change' in plan ? [plan.change.after as DealFacts] : [])),
  )
  const refusalOf = ({ terms, change }: Pending) =>
    refusals.get(terms) ?? unknownPlans.get(change.after as DealFacts)
  const possible = plans.flatMap((plan) =>
    'change' in plan && refusalOf(plan) === undefined ? [plan.change] : [],
  )
  const created = possible.filter(({ before }) => before === undefined)
  const changed = possible.filter(({ before }) => before !== undefined)
  const results = new Map([
    ...(await record.change(trx, 'closed', created)),
    ...(await record.change(trx, 'amended', changed)),
  ])
  return plans.map((plan): Declared => {
    if (!('change' in plan)) return plan
    const refusal = refusalOf(plan)
    if (refusal !== undefined) return { refusal }
    const outcome = plan.change.before === undefined ? 'created' : 'changed'
    return { outcome, deal: results.get(plan.change.deal_id) as ChangedDeal }
  })
}

interface Pending {
  readonly terms: DealTerms
  readonly change: RecordedChange
}

type Plan = Declared | Pending

interface Reading {
  readonly defaults: DealDefaults
  /** The partners that were merged, with those that they were merged into. */
  readonly mergedInto: ReadonlyMap<string, string>
}

function planOf(declaration: Declaration, before: RecordedDeal | undefined, reading: Reading): Plan {
  try {
    return before === undefined ? planNew(declaration, reading) : planChange(declaration, before, reading)
  } catch (error) {
    return { refusal: error as Error }
  }
}

function planNew(
  { id, sent: { note, ...sent }, keyId }: Declaration,
  { defaults, mergedInto }: Reading,
): Plan {
  // The digest is that of a `POST` of the same fields.
  const submission = toSubmission({ sent: { ...sent, id }, keyId }, defaults)
  const terms = moveShares(submission.terms, mergedInto)
  return { terms, change: toChange({ ...submission, terms }, note) }
}

function planChange({ id, sent, keyId }: Declaration, before: RecordedDeal, reading: Reading): Plan {
  const after = readChange(sent, before.row, reading)
  if (after === undefined) return { outcome: 'unchanged', deal: { ...before, isNew: false } }
  const cause = causeOf({ api_key_ids: [keyId], note: sent.note })
  return { terms: after.terms, change: { deal_id: id, before, after, cause } }
}

/** What a stored deal is by a declaration. Undefined: what it is now. Errors: 400, 409 if a void deal would change. */
export function readChange(sent: DealDeclaration, row: DealRow, { defaults, mergedInto }: Reading) {
  const facts = factsAfter(row, sent, { defaults, isWhole: true })
  const after = { ...facts, terms: moveShares(facts.terms, mergedInto) }
  // A void deal keeps the shares of merged partners.
  if (isSameDeal(row, facts) || isSameDeal(row, after)) return undefined
  if (row.voided_at !== null) throw new DealVoid(row.id)
  return after
}

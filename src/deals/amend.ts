import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { DealRefunded, DealVoid } from '../errors.ts'
import { checkMetadata, mergeMetadata } from '../values/metadata.ts'
import { mergeObjects } from '../values/merge-objects.ts'
import { exponentOf, formatMoney } from '../values/money.ts'
import { checkAgreedPartners } from '../record/agreed-partners.ts'
import { causeOf } from '../record/cause.ts'
import { withoutMerged } from '../record/merged-partners.ts'
import { findUnknownPlans, planNameOf } from '../record/pick-plans.ts'
import { readClose } from '../record/read-close.ts'
import { accept, type DealDefaults, type Read, readAmount, readParameters } from '../record/read-terms.ts'
import type { ChangedDeal, DealFacts } from '../record/changes.ts'
import type { DealRecord } from '../record/record.ts'
import type { DealDescription, DealRow, DealTerms } from '../record/schemas.ts'
import type { ModelParameters } from '../record/terms-schemas.ts'
import { toDealSplit } from './deal-split.ts'
import type { DealChange, DealDeclaration, DealSplit } from './schemas.ts'
import { lockDeal } from './void.ts'

interface Amendment {
  readonly record: DealRecord
  readonly defaults: DealDefaults
  readonly id: string
  readonly change: DealChange
  readonly keyId: string
}

/** Corrects a deal's amount, currency, close or model and splits it again. Errors: 400, 404, 409 if it is void. */
export async function amendDeal(
  trx: Kysely<Database>,
  { record, defaults, id, change, keyId }: Amendment,
): Promise<DealSplit> {
  const before = await lockDeal(trx, id)
  if (before.row.voided_at !== null) throw new DealVoid(id)
  const { terms: sent, ...facts } = factsAfter(before.row, change, { defaults, isWhole: false })
  const [terms] = (await withoutMerged(trx, [sent])) as [DealTerms]
  await checkAgreedPartners(trx, terms)
  const after = { ...facts, terms }
  const unknownPlan = (await findUnknownPlans(trx, [after])).get(after)
  if (unknownPlan !== undefined) throw unknownPlan
  const cause = causeOf({ api_key_ids: [keyId], note: change.note })
  const changed = await record.change(trx, 'amended', [{ deal_id: id, before, after, cause }])
  return toDealSplit(changed.get(id) as ChangedDeal)
}

interface Amending {
  readonly defaults: DealDefaults
  /** Whether objects that are sent replace the stored ones (PUT), or are merged into them (PATCH). */
  readonly isWhole: boolean
}

/**
 * What a deal is after a change. Fields and parameters that are not sent keep the stored values, so a default that changed
 * since has no effect. Errors: 400, 409 if refunds do not allow the change.
 */
export function factsAfter(
  deal: DealRow,
  change: DealChange | DealDeclaration,
  amending: Amending,
): Pick<DealFacts, 'terms' | 'description' | 'plan_name'> {
  const { commission_plan_id: plan_name = planNameOf(deal) } = change
  return { terms: amend(deal, change, amending), description: describe(deal, change, amending), plan_name }
}

function amend(
  deal: DealRow,
  change: DealChange | DealDeclaration,
  { defaults, isWhole }: Amending,
): DealTerms {
  const { currency = deal.currency, attribution_model = deal.attribution_model } = change
  const { model_parameters: sent = {} } = change
  const kept = attribution_model === deal.attribution_model ? deal.model_parameters : windowOf(deal)
  const isReplaced = isWhole && change.model_parameters !== undefined
  const [amount_minor, close, model_parameters] = accept(
    change.amount === undefined ? keepAmount(deal, currency) : readAmount(change.amount, currency),
    readClose(change, { calendar: defaults.calendar, now: Date.now(), stored: deal }),
    readParameters(
      attribution_model,
      isReplaced ? { ...windowOf(deal), ...sent } : mergeObjects(kept, sent),
      defaults,
    ),
  )
  checkRefunds(deal, { amount_minor, currency })
  return { amount_minor, currency, ...close, attribution_model, model_parameters }
}

// Refunds are in the currency of the deal, and no more than its amount.
function checkRefunds(
  { id, currency: stored, refunded_minor }: DealRow,
  { amount_minor, currency }: Pick<DealTerms, 'amount_minor' | 'currency'>,
): void {
  if (refunded_minor === 0n || (currency === stored && amount_minor >= refunded_minor)) return
  throw new DealRefunded(id, formatMoney(refunded_minor, stored))
}

// 100.00 USD are 100.00 EUR, but whether 100 JPY should be 100 or 1.00 USD only the client knows.
function keepAmount({ amount_minor, currency: stored }: DealRow, currency: string): Read<bigint> {
  if (exponentOf(stored) === exponentOf(currency)) return { value: amount_minor }
  const detail = `Send the amount too: ${currency} has other decimals than ${stored}.`
  return { faults: [{ pointer: '/amount', detail }] }
}

function describe(
  deal: DealRow,
  { name = deal.name, metadata: sent = deal.metadata }: Pick<DealChange, 'name' | 'metadata'>,
  { isWhole }: Amending,
): DealDescription {
  const metadata = isWhole ? sent : mergeMetadata(deal.metadata, sent)
  checkMetadata(metadata)
  return { name, metadata }
}

function windowOf({
  model_parameters: { close_grace_minutes = 0, lookback_days = null },
}: DealRow): ModelParameters {
  return { close_grace_minutes, lookback_days }
}

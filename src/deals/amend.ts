import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealNotFound, DealVoid } from '../errors.ts'
import { toMajor } from '../values/money.ts'
import { findAttribution } from '../splits/queries.ts'
import { type Attribute, recordChanges } from '../record/versions.ts'
import { type DealDefaults, readTerms } from '../record/read-terms.ts'
import { findDeal, markDealVoid, toDeal, updateTerms } from './queries.ts'
import type { Attribution } from '../splits/schemas.ts'
import type { DealChange, DealRow, DealSplit } from './schemas.ts'
import type { ModelParameters, VersionReason } from '../record/schemas.ts'

interface Amendment {
  readonly attribute: Attribute
  readonly defaults: DealDefaults
  readonly id: string
  readonly change: DealChange
}

/** Corrects a deal's amount, close or model and splits it again. Errors: 400, 404, 409 if it is void. */
export async function amendDeal(
  trx: Kysely<Database>,
  { attribute, defaults, id, change }: Amendment,
): Promise<DealSplit> {
  await lockDeals(trx, [id])
  const deal = await findValidDeal(trx, id)
  await updateTerms(trx, id, amend(deal, change, defaults))
  return splitAgain(trx, { attribute, id, reason: 'amended' })
}

interface DealVoiding {
  readonly attribute: Attribute
  readonly id: string
  readonly reason: string
}

/** Removes a deal from revenue and payouts and keeps its record. Voiding it again changes nothing. Errors: 404. */
export async function voidDeal(
  trx: Kysely<Database>,
  { attribute, id, reason }: DealVoiding,
): Promise<DealSplit> {
  await lockDeals(trx, [id])
  if (!(await markDealVoid(trx, id, reason))) return splitOf(trx, await findDealOrThrow(trx, id), true)
  return splitAgain(trx, { attribute, id, reason: 'deal_voided' })
}

interface SplitCause {
  readonly attribute: Attribute
  readonly id: string
  readonly reason: VersionReason
}

async function splitAgain(trx: Kysely<Database>, { attribute, id, reason }: SplitCause): Promise<DealSplit> {
  await recordChanges(trx, { attribute, dealIds: [id], reason })
  return splitOf(trx, await findDealOrThrow(trx, id), false)
}

async function splitOf(trx: Kysely<Database>, row: DealRow, cached: boolean): Promise<DealSplit> {
  const stored = (await findAttribution(trx, row.id)) as Attribution
  return { deal: toDeal(row), attribution: { ...stored, cached } }
}

async function findDealOrThrow(trx: Kysely<Database>, id: string): Promise<DealRow> {
  const deal = await findDeal(trx, id)
  if (deal === undefined) throw new DealNotFound(id)
  return deal
}

async function findValidDeal(trx: Kysely<Database>, id: string): Promise<DealRow> {
  const deal = await findDealOrThrow(trx, id)
  if (deal.voided_at !== null) throw new DealVoid(id)
  return deal
}

// Unchanged parameters keep the values stored with the deal, so a default that changed since has no effect.
function amend(deal: DealRow, change: DealChange, defaults: DealDefaults) {
  const { attribution_model = deal.attribution_model } = change
  const keepsModel = attribution_model === deal.attribution_model
  const terms = readTerms(
    {
      amount: change.amount ?? toMajor(deal.amount_minor, deal.currency),
      currency: deal.currency,
      closed_date: change.closed_date ?? deal.closed_date,
      attribution_model,
      model_parameters: {
        ...(keepsModel ? deal.model_parameters : windowOf(deal)),
        ...change.model_parameters,
      },
    },
    defaults,
  )
  return change.closed_date === undefined ? { ...terms, closed_all_day: deal.closed_all_day } : terms
}

function windowOf({
  model_parameters: { close_grace_minutes = 0, lookback_days = null },
}: DealRow): ModelParameters {
  return { close_grace_minutes, lookback_days }
}

import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealNotFound, DealVoid } from '../errors.ts'
import { toMajor } from '../values/money.ts'
import { findAttribution } from '../splits/queries.ts'
import { type Attribute, recordChanges } from '../record/versions.ts'
import { type DealDefaults, readFacts } from '../record/read-facts.ts'
import { findDeal, markDealVoid, toDeal, updateFacts } from './queries.ts'
import type { Attribution } from '../splits/schemas.ts'
import type { DealChange, DealRow, DealSplit } from './schemas.ts'
import type { ModelParameters, VersionReason } from '../record/schemas.ts'

/** Corrects a deal's amount, close or model and splits it again. Errors: 400, 404, 409 where it is void. */
export async function amendDeal(
  trx: Kysely<Database>,
  attribute: Attribute,
  defaults: DealDefaults,
  id: string,
  change: DealChange,
): Promise<DealSplit> {
  await lockDeals(trx, [id])
  const deal = await findOpenDeal(trx, id)
  await updateFacts(trx, id, amend(deal, change, defaults))
  return splitAgain(trx, attribute, id, 'amended')
}

/** Takes a deal out of revenue and payouts; it stays on record. Voiding it again changes nothing. Errors: 404. */
export async function voidDeal(
  trx: Kysely<Database>,
  attribute: Attribute,
  id: string,
  reason: string,
): Promise<DealSplit> {
  await lockDeals(trx, [id])
  if (!(await markDealVoid(trx, id, reason))) return splitOf(trx, await findDealOrThrow(trx, id), true)
  return splitAgain(trx, attribute, id, 'deal_voided')
}

async function splitAgain(trx: Kysely<Database>, attribute: Attribute, id: string, reason: VersionReason) {
  await recordChanges(trx, attribute, [id], reason)
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

async function findOpenDeal(trx: Kysely<Database>, id: string): Promise<DealRow> {
  const deal = await findDealOrThrow(trx, id)
  if (deal.voided_at !== null) throw new DealVoid(id)
  return deal
}

// What stays keeps what it resolved to when the deal was closed: a default that changed since moves nothing.
function amend(deal: DealRow, change: DealChange, defaults: DealDefaults) {
  const { attribution_model = deal.attribution_model } = change
  const keepsModel = attribution_model === deal.attribution_model
  const facts = readFacts(
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
  return change.closed_date === undefined ? { ...facts, closed_all_day: deal.closed_all_day } : facts
}

function windowOf({
  model_parameters: { close_grace_minutes = 0, lookback_days = null },
}: DealRow): ModelParameters {
  return { close_grace_minutes, lookback_days }
}

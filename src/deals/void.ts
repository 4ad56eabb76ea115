import type { Kysely } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { DealNotFound } from '../errors.ts'
import { causeOf } from '../record/cause.ts'
import type { ChangedDeal } from '../record/changes.ts'
import { withoutMerged } from '../record/merged-partners.ts'
import { redateClose } from '../record/read-close.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded, type RecordedDeal, termsOf } from '../record/recorded-deals.ts'
import type { DealTerms } from '../record/schemas.ts'
import type { Calendar } from '../values/calendar.ts'
import { toDealSplit } from './deal-split.ts'
import type { DealSplit } from './schemas.ts'

interface Voiding {
  readonly record: DealRecord
  readonly reason: string
  readonly keyId: string
}

type Reinstating = Voiding & { readonly calendar: Calendar }

/** Removes a deal from revenue and payouts and keeps its record. Voiding it again changes nothing. Errors: 404. */
export async function voidDeal(
  trx: Kysely<Database>,
  { id, ...voiding }: Voiding & { readonly id: string },
): Promise<DealSplit> {
  const before = await lockDeal(trx, id)
  if (before.row.voided_at !== null) return toDealSplit({ ...before, isNew: false })
  return toDealSplit((await voidAll(trx, [before], voiding)).get(id) as ChangedDeal)
}

/** Makes a void deal count again. A deal that is not void stays as it is. Errors: 404. */
export async function reinstateDeal(
  trx: Kysely<Database>,
  { id, ...reinstating }: Reinstating & { readonly id: string },
): Promise<DealSplit> {
  const before = await lockDeal(trx, id)
  if (before.row.voided_at === null) return toDealSplit({ ...before, isNew: false })
  return toDealSplit((await reinstateAll(trx, [before], reinstating)).get(id) as ChangedDeal)
}

interface Absence {
  /** The deals that the source lacks now. */
  readonly missing: readonly string[]
  /** The deals that it lacked, and has again. */
  readonly back: readonly string[]
}

/**
 * Voids the deals that a source lacks, and reinstates those that it has again. A deal that somebody else voided stays void.
 * Returns how many it voided and reinstated.
 */
export async function followSource(
  trx: Kysely<Database>,
  { missing, back }: Absence,
  following: Reinstating,
): Promise<{ readonly voided: number; readonly reinstated: number }> {
  await lockDeals(trx, [...missing, ...back])
  const deals = await findRecorded(trx, [...missing, ...back])
  const find = (ids: readonly string[]) => ids.flatMap((id) => deals.get(id) ?? [])
  const live = find(missing).filter(({ row }) => row.voided_at === null)
  const ownVoid = find(back).filter(({ row }) => row.void_reason === following.reason)
  await voidAll(trx, live, following)
  await reinstateAll(trx, ownVoid, following)
  return { voided: live.length, reinstated: ownVoid.length }
}

function voidAll(
  trx: Kysely<Database>,
  deals: readonly RecordedDeal[],
  { record, reason, keyId }: Voiding,
): Promise<ReadonlyMap<string, ChangedDeal>> {
  const cause = causeOf({ api_key_ids: [keyId], note: reason })
  const changes = deals.map((before) => ({
    deal_id: before.row.id,
    before,
    after: { void_reason: reason },
    cause,
  }))
  return record.change(trx, 'deal_voided', changes)
}

async function reinstateAll(
  trx: Kysely<Database>,
  deals: readonly RecordedDeal[],
  { record, calendar, reason, keyId }: Reinstating,
): Promise<ReadonlyMap<string, ChangedDeal>> {
  const cause = causeOf({ api_key_ids: [keyId], note: reason })
  // A change of the time zone leaves the end of a void day, and a merge of partners leaves its agreed shares.
  const terms = await withoutMerged(
    trx,
    deals.map(({ row }) => ({ ...termsOf(row), ...redateClose(row, calendar) })),
  )
  const changes = deals.map((before, index) => {
    const after = { terms: terms[index] as DealTerms, void_reason: null }
    return { deal_id: before.row.id, before, after, cause }
  })
  return record.change(trx, 'deal_reinstated', changes)
}

/** Locks a closed deal and reads it. Errors: 404. */
export async function lockDeal(trx: Kysely<Database>, id: string): Promise<RecordedDeal> {
  await lockDeals(trx, [id])
  const deal = (await findRecorded(trx, [id])).get(id)
  if (deal === undefined) throw new DealNotFound(id)
  return deal
}

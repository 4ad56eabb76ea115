import type { Kysely } from 'kysely'
import { compare } from '../audit/compare.ts'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { toStoredEmail } from '../values/email.ts'
import { checkMetadata, mergeMetadata } from '../values/metadata.ts'
import { EmailTaken, PartnerMerged, PartnerNotFound } from '../errors.ts'
import { keepTerms } from '../record/keep-terms.ts'
import type { DealRecord } from '../record/record.ts'
import { isEmpty, namesOf, namesSealed, refuseMasked, sealDetails } from './payout-details.ts'
import { lockPartner, updatePartner } from './queries.ts'
import type { PartnerChange, PartnerRow } from './schemas.ts'
import { splitUpcoming } from './split-upcoming.ts'
import type { Vault } from './vault.ts'

interface PartnerUpdate {
  readonly vault: Vault
  readonly record: DealRecord
  /** Milliseconds since 1970. It is read under the lock of the partner. */
  readonly now?: () => number
  readonly id: string
  readonly change: PartnerChange
  readonly actor: Actor
  /** Whether metadata that is sent replaces the stored one, or is merged into it. */
  readonly isWhole?: boolean
}

/** Changes a partner. Payout details in the request always count as changed; empty ones erase. Errors: 400, 404, 409. */
export async function changePartner(
  trx: Kysely<Database>,
  { vault, record, now = Date.now, id, change, actor, isWhole = false }: PartnerUpdate,
): Promise<PartnerRow> {
  const { payout_details: details, note = null, ...columns } = change
  if (details !== undefined) refuseMasked(details)
  const before = await lockPartner(trx, id)
  if (before === undefined) throw new PartnerNotFound(id)
  if (change.status !== undefined && change.status !== before.status && before.merged_into !== null)
    throw new PartnerMerged(id, before.merged_into)
  const metadata =
    change.metadata === undefined || isWhole
      ? {}
      : { metadata: mergeMetadata(before.metadata, change.metadata) }
  checkMetadata(metadata.metadata ?? change.metadata)
  const email = columns.email ? { email: toStoredEmail(columns.email) } : {}
  const changedAt = isOnOtherTerms(before, change) ? await keepTerms(trx, id, now()) : undefined
  const sealed = details === undefined ? {} : { payout_details: sealDetails(vault, details, id) }
  const after = await updatePartner(trx, id, {
    ...columns,
    ...email,
    ...metadata,
    ...(changedAt !== undefined && leavingOf(before, change, changedAt)),
    ...sealed,
  }).catch(refuseTakenEmail)
  const subject = { subject_kind: 'partner', subject_id: id } as const
  const difference = compare(before, after, ['name', 'email', 'group', 'status', 'credit_after_leaving'])
  if (difference !== undefined) {
    await insertAuditEntry(trx, actor, { action: 'partner.changed', ...subject, ...difference, note })
  }
  const changed = changedOf(before, after)
  if (changedAt !== undefined && changed !== undefined)
    await splitUpcoming(trx, { record, partnerId: id, changedAt, changed, actor })
  if (details === undefined) return after
  const action = actionOf(before, after)
  if (action !== undefined) {
    await insertAuditEntry(trx, actor, {
      action,
      ...subject,
      before: namesSealed(vault, before),
      after: isEmpty(details) ? null : namesOf(details),
      note,
    })
  }
  return after
}

const terms = ['status', 'group', 'credit_after_leaving'] as const

function isOnOtherTerms(before: PartnerRow, change: PartnerChange): boolean {
  return terms.some((name) => change[name] !== undefined && change[name] !== before[name])
}

/** What changes of a partner that leaves or comes back at an instant. One that is inactive already left when it left. */
function leavingOf(before: PartnerRow, { status = before.status }: PartnerChange, at: string) {
  const has_left = before.has_left || before.status === 'inactive' || status === 'inactive'
  if (status === before.status) return { has_left }
  return { has_left, left_at: status === 'active' ? null : at }
}

/** What deals read of a partner on the day of their close. */
function changedOf(before: PartnerRow, after: PartnerRow): 'credit' | 'group' | undefined {
  if (isCredited(before) !== isCredited(after)) return 'credit'
  return before.group === after.group ? undefined : 'group'
}

function isCredited({ status, credit_after_leaving }: PartnerRow): boolean {
  return status === 'active' || credit_after_leaving
}

function actionOf({ payout_details: old }: PartnerRow, { payout_details: sealed }: PartnerRow) {
  if (sealed === null) return old === null ? undefined : 'payout_details.erased'
  return old === null ? 'payout_details.set' : 'payout_details.changed'
}

/** Erases a partner's payout details; no other table stores them. Errors: 404. */
export async function eraseDetails(
  trx: Kysely<Database>,
  { vault, id, actor }: Pick<PartnerUpdate, 'vault' | 'id' | 'actor'>,
): Promise<PartnerRow> {
  const before = await lockPartner(trx, id)
  if (before === undefined) throw new PartnerNotFound(id)
  if (before.payout_details === null) return before
  await insertAuditEntry(trx, actor, {
    action: 'payout_details.erased',
    subject_kind: 'partner',
    subject_id: id,
    before: namesSealed(vault, before),
  })
  return updatePartner(trx, id, { payout_details: null })
}

function refuseTakenEmail(error: Error & { constraint?: string }): never {
  throw error.constraint === 'partners_email_taken' ? new EmailTaken({ cause: error }) : error
}

import type { Kysely } from 'kysely'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import { lockMergeRequests } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { invalid, MergeRunning, PartnerMerged, PartnerNotFound, UnknownReference } from '../errors.ts'
import { findMerge, insertMerge, listMerging, lockForMerge, markMerged } from './merge-queries.ts'
import { findPartner } from './queries.ts'
import type { Merge, MergeRow } from './schemas.ts'

interface Merging {
  readonly id: string
  readonly into: string
  readonly reason: string
  readonly keyId: string
  readonly actor: Actor
}

/**
 * Marks a partner as merged into another one; a job moves its touchpoints. From the mark on, what is sent for it means the
 * other one. The same merge again changes nothing. Errors: 400, 404, 409.
 */
export async function mergePartner(
  trx: Kysely<Database>,
  { id, into, reason, keyId, actor }: Merging,
): Promise<Merge> {
  if (id === into) throw invalid([{ pointer: '/into', detail: 'A partner cannot be merged into itself.' }])
  await lockMergeRequests(trx)
  const partner = await lockForMerge(trx, id)
  const target = await findPartner(trx, into)
  if (partner === undefined) throw new PartnerNotFound(id)
  if (target === undefined) {
    const faults = [{ pointer: '/into', detail: `No partner has the id ${into}.` }]
    throw Object.assign(new UnknownReference(), { faults })
  }
  if (partner.merged_into === into) return toMerge((await findMerge(trx, id)) as MergeRow)
  for (const { id: own, merged_into } of [partner, target])
    if (merged_into !== null) throw new PartnerMerged(own, merged_into)
  const [running] = await listMerging(trx, [id, into])
  if (running !== undefined) throw new MergeRunning(running)
  await markMerged(trx, id, into)
  await insertAuditEntry(trx, actor, {
    action: 'partner.merged',
    subject_kind: 'partner',
    subject_id: id,
    before: { merged_into: null },
    after: { merged_into: into },
    note: reason,
  })
  return toMerge(await insertMerge(trx, { partner_id: id, into_id: into, reason, api_key_id: keyId }))
}

export function toMerge({ into_id, deals_total, api_key_id: _, ...row }: MergeRow): Merge {
  return { ...row, into: into_id, deals_total: deals_total ?? 0 }
}

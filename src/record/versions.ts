import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Attribution } from '../attribution/attribute.ts'
import { fingerprint, type Journey } from '../attribution/journey.ts'
import type { Database } from '../database/tables.ts'
import type { VersionReason } from './schemas.ts'
import { listSubjects, readTouches, type Subject, toJourney } from './journeys.ts'
import { createPauses } from './pauses.ts'

/** The engine, and the metric that counts the versions it led to. */
export interface Attribute {
  (journey: Journey): Attribution
  onRecorded?(reason: VersionReason, count: number): void
}

/** The digest of everything that a split reads, as its version stores it. */
export function fingerprintOf(journey: Journey): Buffer {
  return hash('sha256', fingerprint(journey), 'buffer')
}

/**
 * Splits those of these deals again whose inputs changed in this transaction, and records a version of each; the
 * caller holds their locks. A deal that is not closed, or whose qualifying inputs are what they were, gets none.
 */
export async function recordChanges(
  trx: Kysely<Database>,
  attribute: Attribute,
  dealIds: readonly string[],
  reason: VersionReason,
): Promise<void> {
  const subjects = await listSubjects(trx, dealIds)
  if (subjects.length > 0) await recordVersions(trx, attribute, subjects, reason)
}

/** The same for deals whose facts are at hand. */
export async function recordVersions(
  trx: Kysely<Database>,
  attribute: Attribute,
  subjects: readonly Subject[],
  reason: VersionReason,
): Promise<void> {
  const byDeal = new Map(subjects.map((subject) => [subject.deal_id, subject]))
  const pause = createPauses()
  for await (const { dealIds, touches } of readTouches(trx, [...byDeal.keys()])) {
    const versions: Version[] = []
    for (const dealId of dealIds) {
      await pause()
      const subject = byDeal.get(dealId) as Subject
      const journey = toJourney(subject.facts, subject.is_void, touches.get(dealId) ?? [])
      const digest = fingerprintOf(journey)
      if (subject.previous?.fingerprint.equals(digest)) continue
      versions.push(toVersion(subject, digest, attribute(journey)))
    }
    if (versions.length === 0) continue
    await insertVersions(trx, versions, reason)
    attribute.onRecorded?.(reason, versions.length)
  }
}

type Version = ReturnType<typeof toVersion>

function toVersion(
  { deal_id, facts, previous }: Subject,
  digest: Buffer,
  { shares, unattributed_minor }: Attribution,
) {
  return {
    deal_id,
    version: (previous?.version ?? 0) + 1,
    ...facts,
    amount_minor: String(facts.amount_minor),
    unattributed_minor: String(unattributed_minor),
    fingerprint: digest.toString('hex'),
    previously_at: previous?.calculated_at ?? null,
    shares: shares.map((share) => ({ ...share, payout_minor: String(share.payout_minor) })),
  }
}

// One statement, so that nothing can come between a version, its rows and the deal that points at it. The clock is
// read under the deal's lock and pushed past the version before, so that what was believed when never runs backwards.
// The limit tells the planner how many versions there are; it would else take them for enough to read all deals.
async function insertVersions(
  trx: Kysely<Database>,
  versions: readonly Version[],
  reason: VersionReason,
): Promise<void> {
  await sql`
    with given as materialized (
      select * from json_to_recordset(${JSON.stringify(versions)}) as given (
        deal_id text, version integer, amount_minor bigint, currency text, closed_date timestamptz,
        closed_all_day boolean, attribution_model text, model_parameters jsonb, unattributed_minor bigint,
        fingerprint text, previously_at timestamptz, shares json
      ) limit ${versions.length}
    ), recorded as (
      insert into attributions (deal_id, version, reason, amount_minor, currency, closed_date, closed_all_day,
        attribution_model, model_parameters, unattributed_minor, fingerprint, calculated_at)
      select deal_id, version, ${reason}, amount_minor, currency, closed_date, closed_all_day,
        attribution_model, model_parameters, unattributed_minor, decode(fingerprint, 'hex'),
        greatest(date_trunc('milliseconds', clock_timestamp()), previously_at + interval '1 millisecond')
      from given
    ), paid as (
      insert into payouts (deal_id, version, currency, closed_date, partner_id, payout_minor, percentage_bp,
        touchpoints, role)
      select deal_id, version, currency, closed_date, share.*
      from given, json_to_recordset(shares) as share (
        partner_id text, payout_minor bigint, percentage_bp integer, touchpoints integer, role text
      )
    )
    update deals set version = given.version, updated_at = date_trunc('milliseconds', clock_timestamp())
    from given where deals.id = given.deal_id and deals.version <> given.version`.execute(trx)
}

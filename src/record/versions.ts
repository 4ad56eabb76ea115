import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Split } from '../attribution/attribute.ts'
import { fingerprint, type Journey } from '../attribution/journey.ts'
import type { Database } from '../database/tables.ts'
import type { VersionReason } from './schemas.ts'
import { type ClosedDeal, listClosedDeals, readTouches, toJourney } from './journeys.ts'
import { createYield } from './yield-thread.ts'

/** The engine, and a callback that counts recorded versions. */
export interface Attribute {
  (journey: Journey): Split
  onRecorded?(reason: VersionReason, count: number): void
}

/** The digest of everything that a split reads; its version stores it. */
export function fingerprintOf(journey: Journey): Buffer {
  return hash('sha256', fingerprint(journey), 'buffer')
}

interface VersionCause {
  readonly attribute: Attribute
  readonly reason: VersionReason
}

/**
 * Splits these deals again and records a new version of each whose fingerprint changed; the caller holds their locks.
 * Deals that are not closed get no version.
 */
export async function recordChanges(
  trx: Kysely<Database>,
  { dealIds, ...cause }: VersionCause & { readonly dealIds: readonly string[] },
): Promise<void> {
  const deals = await listClosedDeals(trx, dealIds)
  if (deals.length > 0) await recordVersions(trx, { deals, ...cause })
}

/** Like `recordChanges`, for deals that the caller has already read. */
export async function recordVersions(
  trx: Kysely<Database>,
  { attribute, deals, reason }: VersionCause & { readonly deals: readonly ClosedDeal[] },
): Promise<void> {
  const byId = new Map(deals.map((deal) => [deal.deal_id, deal]))
  const yieldThread = createYield()
  for await (const { dealIds, touches } of readTouches(trx, [...byId.keys()])) {
    const versions: Version[] = []
    for (const dealId of dealIds) {
      await yieldThread()
      const deal = byId.get(dealId) as ClosedDeal
      const journey = toJourney(deal, touches.get(dealId) ?? [])
      const digest = fingerprintOf(journey)
      if (deal.previous?.fingerprint.equals(digest)) continue
      versions.push(toVersion(deal, digest, attribute(journey)))
    }
    if (versions.length === 0) continue
    await insertVersions(trx, versions, reason)
    attribute.onRecorded?.(reason, versions.length)
  }
}

type Version = ReturnType<typeof toVersion>

function toVersion(
  { deal_id, terms, previous }: ClosedDeal,
  digest: Buffer,
  { shares, unattributed_minor }: Split,
) {
  return {
    deal_id,
    version: (previous?.version ?? 0) + 1,
    ...terms,
    amount_minor: String(terms.amount_minor),
    unattributed_minor: String(unattributed_minor),
    fingerprint: digest.toString('hex'),
    previously_at: previous?.calculated_at ?? null,
    shares: shares.map((share) => ({ ...share, payout_minor: String(share.payout_minor) })),
  }
}

// One statement writes the version, its payouts and deals.version. The clock is read under the deal's lock, and
// calculated_at is at least 1 ms after the previous version, so that versions follow one another in time. The limit tells
// the planner how many versions there are; without it the planner expects so many that it reads all deals.
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

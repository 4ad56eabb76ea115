import { type Kysely, sql } from 'kysely'
import { attribute, type PartnerShare, type Split } from '../attribution/attribute.ts'
import type { Database } from '../database/tables.ts'
import { readInBatches, toJourney } from './journeys.ts'
import { listRevisions } from './past-journey.ts'
import { replayCommissions } from './replay-commissions.ts'
import type { ShareRow, TouchRevision, VersionRow } from './schemas.ts'
import { underRulesOf } from './version-rules.ts'

/** A stored version that differs from the one computed again from its stored inputs. */
interface Difference {
  readonly deal_id: string
  readonly version: number
  readonly detail: string
}

export interface Replayed {
  readonly versions: number
  readonly differences: readonly Difference[]
  /** The deal id to continue after; undefined after the last deal. */
  readonly next: string | undefined
}

const versionsAtOnce = 200

/** Computes every version of the next `limit` deals, by id, and what each owes, again and compares both with the stored ones. */
export async function replayDeals(
  db: Kysely<Database>,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<Replayed> {
  const deals = await db
    .selectFrom('deals')
    .select('id')
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
  const ids = deals.map(({ id }) => id)
  const replayed = { versions: 0, differences: [] as Difference[] }
  for await (const { dealIds, touches } of readInBatches(db, ids, listRevisions)) {
    for await (const versions of readVersions(db, dealIds)) {
      const shares = await listShares(db, versions)
      const rows = Map.groupBy(shares, ({ deal_id, version }) => `${deal_id} ${version}`)
      for (const version of versions) {
        const { deal_id } = version
        const detail = replay({
          version,
          touches: touches.get(deal_id) ?? [],
          shares: rows.get(`${deal_id} ${version.version}`) ?? [],
        })
        if (detail !== undefined) replayed.differences.push({ deal_id, version: version.version, detail })
      }
      replayed.versions += versions.length
    }
    replayed.differences.push(...(await replayCommissions(db, dealIds)))
  }
  return { ...replayed, next: ids.length < limit ? undefined : ids.at(-1) }
}

interface StoredVersion {
  readonly version: VersionRow
  readonly touches: readonly TouchRevision[]
  readonly shares: readonly ShareRow[]
}

/** How a stored version differs from its replay; undefined if it does not. */
function replay({ version, touches, shares }: StoredVersion): string | undefined {
  const { reason, uncredited_partner_ids: uncredited } = version
  const state = { terms: version, is_void: reason === 'deal_voided', uncredited }
  const journey = underRulesOf(version, toJourney(state, touches, version.version))
  return journey === undefined
    ? 'its inputs have another fingerprint'
    : compareSplit(attribute(journey), version, shares)
}

function compareSplit(split: Split, version: VersionRow, rows: readonly ShareRow[]): string | undefined {
  if (split.unattributed_minor !== version.unattributed_minor) {
    return `unattributed is ${version.unattributed_minor}, replayed ${split.unattributed_minor}`
  }
  if (split.unattributed_bp !== version.unattributed_bp) {
    return `unattributed is ${version.unattributed_bp} hundredths of a percent, replayed ${split.unattributed_bp}`
  }
  const stored = new Map(rows.map((row) => [row.partner_id, row]))
  const wrong = split.shares.find((share) => !isSame(share, stored.get(share.partner_id)))
  if (wrong !== undefined) return `the share of ${wrong.partner_id} is not ${wrong.payout_minor} minor units`
  return rows.length === split.shares.length ? undefined : 'it pays a partner who earned nothing'
}

function isSame(share: PartnerShare, row: ShareRow | undefined): boolean {
  return (
    row?.payout_minor === share.payout_minor &&
    row.percentage_bp === share.percentage_bp &&
    row.touchpoints === share.touchpoints &&
    row.role === share.role
  )
}

/** Reads every version of these deals in batches: a deal may have thousands, each with hundreds of shares. */
async function* readVersions(
  db: Kysely<Database>,
  dealIds: readonly string[],
): AsyncGenerator<readonly VersionRow[]> {
  for (let last: VersionRow | undefined, isMore = true; isMore;) {
    let query = db
      .selectFrom('attributions')
      .selectAll()
      .where('deal_id', '=', sql<string>`any(${dealIds}::text[])`)
      .orderBy('deal_id')
      .orderBy('version')
      .limit(versionsAtOnce)
    if (last !== undefined)
      query = query.where(sql<boolean>`(deal_id, version) > (${last.deal_id}, ${last.version})`)
    const versions = await query.execute()
    yield versions
    isMore = versions.length === versionsAtOnce
    last = versions.at(-1)
  }
}

async function listShares(
  db: Kysely<Database>,
  versions: readonly VersionRow[],
): Promise<readonly ShareRow[]> {
  const dealIds = versions.map(({ deal_id }) => deal_id)
  const numbers = versions.map(({ version }) => version)
  const { rows } = await sql<ShareRow>`
    select shares.* from unnest(${dealIds}::text[], ${numbers}::integer[]) as wanted (deal_id, version)
    join shares using (deal_id, version)`.execute(db)
  return rows
}

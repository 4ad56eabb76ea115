import { type Kysely, sql } from 'kysely'
import type { Attribution, Share } from '../attribution/attribute.ts'
import type { Database } from '../database/tables.ts'
import { listTouches, toJourney } from './journeys.ts'
import type { PayoutRow, VersionRow } from './schemas.ts'
import { type Attribute, fingerprintOf } from './versions.ts'

/** A stored version that its stored inputs do not lead to. */
export interface Difference {
  readonly deal_id: string
  readonly version: number
  readonly detail: string
}

export interface Replayed {
  readonly versions: number
  readonly differences: readonly Difference[]
  /** Where to go on; undefined after the last deal. */
  readonly next: string | undefined
}

/** Works out again every version of the next `limit` deals by id, and compares it with what is stored. */
export async function replayDeals(
  db: Kysely<Database>,
  attribute: Attribute,
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
  const [versions, payouts, touches] = await Promise.all([
    listVersions(db, ids),
    listPayouts(db, ids),
    listTouches(db, ids),
  ])
  const rows = Map.groupBy(payouts, ({ deal_id, version }) => `${deal_id} ${version}`)
  const differences = versions.flatMap((version) => {
    const { deal_id } = version
    const isVoid = version.reason === 'deal_voided'
    const journey = toJourney(version, isVoid, touches.get(deal_id) ?? [], version.version)
    const detail = fingerprintOf(journey).equals(version.fingerprint)
      ? differ(attribute(journey), version, rows.get(`${deal_id} ${version.version}`) ?? [])
      : 'its inputs have another fingerprint'
    return detail === undefined ? [] : [{ deal_id, version: version.version, detail }]
  })
  return { versions: versions.length, differences, next: ids.length < limit ? undefined : ids.at(-1) }
}

function differ(split: Attribution, version: VersionRow, rows: readonly PayoutRow[]): string | undefined {
  if (split.unattributed_minor !== version.unattributed_minor) {
    return `unattributed is ${version.unattributed_minor}, replayed ${split.unattributed_minor}`
  }
  const stored = new Map(rows.map((row) => [row.partner_id, row]))
  const wrong = split.shares.find((share) => !isSame(share, stored.get(share.partner_id)))
  if (wrong !== undefined) return `the share of ${wrong.partner_id} is not ${wrong.payout_minor} minor units`
  return rows.length === split.shares.length ? undefined : 'it pays a partner who earned nothing'
}

function isSame(share: Share, row: PayoutRow | undefined): boolean {
  return (
    row?.payout_minor === share.payout_minor &&
    row.percentage_bp === share.percentage_bp &&
    row.touchpoints === share.touchpoints &&
    row.role === share.role
  )
}

function listVersions(db: Kysely<Database>, dealIds: readonly string[]): Promise<VersionRow[]> {
  return db
    .selectFrom('attributions')
    .selectAll()
    .where('deal_id', '=', sql<string>`any(${dealIds}::text[])`)
    .orderBy('deal_id')
    .orderBy('version')
    .execute()
}

function listPayouts(db: Kysely<Database>, dealIds: readonly string[]): Promise<PayoutRow[]> {
  return db
    .selectFrom('payouts')
    .selectAll()
    .where('deal_id', '=', sql<string>`any(${dealIds}::text[])`)
    .execute()
}

import type { Kysely } from 'kysely'
import { attribute } from '../../../src/attribution/attribute.ts'
import type { Database } from '../../../src/database/tables.ts'
import { fingerprintOf, listClosedDeals, readTouches, toJourney } from '../../../src/record/journeys.ts'
import type { TouchRow } from '../../../src/record/schemas.ts'
import { findRecorded } from '../../../src/record/recorded-deals.ts'
import { verifyRollups } from '../../../src/rollups/verify.ts'

/** The deals whose current version differs from the split of their current terms and touchpoints. */
export async function listStaleDeals(db: Kysely<Database>): Promise<string[]> {
  const ids = (await db.selectFrom('deals').select('id').execute()).map(({ id }) => id)
  const deals = await listClosedDeals(db, ids)
  const touches = new Map<string, readonly TouchRow[]>()
  for await (const batch of readTouches(db, ids)) {
    for (const [dealId, rows] of batch.touches) touches.set(dealId, rows)
  }
  const recorded = await findRecorded(db, ids)
  const stale: string[] = []
  for (const { deal_id, ...state } of deals) {
    const journey = toJourney(state, touches.get(deal_id) ?? [])
    const rows = await db
      .selectFrom('shares')
      .innerJoin('deals', (join) =>
        join.onRef('deals.id', '=', 'shares.deal_id').onRef('deals.version', '=', 'shares.version'),
      )
      .select(['partner_id', 'payout_minor', 'percentage_bp', 'touchpoints', 'role'])
      .where('shares.deal_id', '=', deal_id)
      .orderBy('payout_minor', 'desc')
      .orderBy('partner_id')
      .execute()
    const isCurrent = recorded.get(deal_id)?.fingerprint.equals(fingerprintOf(journey))
    if (!isCurrent || textOf(rows) !== textOf(attribute(journey).shares)) stale.push(deal_id)
  }
  return deals.length === ids.length ? stale : [...stale, 'a deal without a version']
}

/** The number of rollup rows that differ from the record. */
export async function countStaleRollups(db: Kysely<Database>): Promise<number> {
  return (await verifyRollups(db)).reduce((sum, { differing }) => sum + differing, 0)
}

type Row = {
  readonly partner_id: string
  readonly payout_minor: bigint
  readonly percentage_bp: number
  readonly touchpoints: number
  readonly role: string
}

function textOf(rows: readonly Row[]): string {
  return rows
    .map((row) => [row.partner_id, row.payout_minor, row.percentage_bp, row.touchpoints, row.role].join(' '))
    .join('\n')
}

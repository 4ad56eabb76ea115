import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { toMajor } from '../values/money.ts'
import { type PageQuery, readPageStart, toPage } from '../values/pagination.ts'
import { partnerRollups } from '../rollups/rollups.ts'
import { selectPeriod } from '../rollups/select-period.ts'
import { toStoredEmail } from '../values/email.ts'
import type { PartnerRow, PartnerStats } from './schemas.ts'

/** Inserts a partner unless its id or its e-mail address is taken. */
export function insertPartner(
  db: Kysely<Database>,
  partner: Pick<
    PartnerRow,
    'id' | 'name' | 'email' | 'group' | 'credit_after_leaving' | 'metadata' | 'payout_details' | 'submission'
  >,
): Promise<PartnerRow | undefined> {
  return db
    .insertInto('partners')
    .values(partner)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
}

export function findPartner(db: Kysely<Database>, id: string): Promise<PartnerRow | undefined> {
  return db.selectFrom('partners').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The partners with these ids. */
export function listPartnersById(db: Kysely<Database>, ids: readonly string[]): Promise<PartnerRow[]> {
  return db
    .selectFrom('partners')
    .selectAll()
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
}

/** Reads a partner and locks its row until the transaction ends. */
export function lockPartner(trx: Kysely<Database>, id: string): Promise<PartnerRow | undefined> {
  return trx.selectFrom('partners').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
}

/** Changes a partner; the caller holds its lock. */
export function updatePartner(
  trx: Kysely<Database>,
  id: string,
  change: Partial<
    Pick<
      PartnerRow,
      | 'name'
      | 'email'
      | 'group'
      | 'metadata'
      | 'status'
      | 'left_at'
      | 'has_left'
      | 'credit_after_leaving'
      | 'payout_details'
    >
  >,
): Promise<PartnerRow> {
  return trx
    .updateTable('partners')
    .set({ ...change, updated_at: sql`date_trunc('milliseconds', clock_timestamp())` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Partners by id; generated ids sort by age. */
export async function listPartners(
  db: Kysely<Database>,
  { email, group, ...page }: PageQuery & { email?: string; group?: string },
) {
  const start = readPageStart(page, 1)
  let query = db
    .selectFrom('partners')
    .select([
      'id',
      'name',
      'email',
      'group',
      'status',
      'left_at',
      'credit_after_leaving',
      'merged_into',
      'payout_details',
      'created_at',
      'updated_at',
    ])
    .orderBy('id')
    .limit(start.limit + 1)
    .offset(start.offset ?? 0)
  if (email !== undefined) query = query.where(sql<boolean>`lower(email) = lower(${toStoredEmail(email)})`)
  if (group !== undefined) query = query.where('group', '=', group)
  if (start.key !== undefined) query = query.where('id', '>', start.key[0] as string)
  return toPage(await query.execute(), start, ({ id }) => [id])
}

/** The sums of a partner's current shares in a currency. */
export async function sumPartner(db: Kysely<Database>, id: string, currency: string): Promise<PartnerStats> {
  const ofPartner = sql<boolean>`partner_id = ${id} and currency = ${currency}`
  const { rows } = await sql<{ deals: number; touchpoints: number; payout_minor: string }>`
    select coalesce(sum(deals), 0)::int as deals, coalesce(sum(touchpoints), 0)::int as touchpoints,
      coalesce(sum(payout_minor), 0) as payout_minor
    from ${selectPeriod(partnerRollups, {}, ofPartner)}`.execute(db)
  const [{ deals, touchpoints, payout_minor }] = rows as [(typeof rows)[0]]
  return {
    currency,
    total_deals: deals,
    total_payout: toMajor(BigInt(payout_minor), currency),
    total_attributions: touchpoints,
  }
}

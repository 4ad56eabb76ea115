import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database/tables.ts'
import { PayoutKeysMissing } from '../errors.ts'
import type { Vault } from './vault.ts'

interface Sealed {
  readonly id: string
  readonly payout_details: Buffer
}

/**
 * Seals again with the newest key what an older one sealed, a batch to a transaction, while the service runs; returns of
 * how many partners. Errors: 503 where a key is missing.
 */
export async function rotatePayoutKeys(db: Kysely<Database>, vault: Vault, batch = 200): Promise<number> {
  if (vault.prefix.length === 0) throw new PayoutKeysMissing()
  let rotated = 0
  let after: string | undefined = ''
  while (after !== undefined) {
    const from: string = after
    const partners = await db.transaction().execute((trx) => rotateBatch(trx, vault, from, batch))
    rotated += partners.length
    after = partners.at(-1)?.id
  }
  return rotated
}

async function rotateBatch(trx: Transaction<Database>, vault: Vault, after: string, batch: number) {
  const old = await listSealedBefore(trx, vault.prefix, after, batch)
  const partners = old.map(({ id, payout_details: details }) => ({
    id,
    payout_details: vault.seal(vault.open(details, id), id),
  }))
  if (partners.length > 0) await updateSealed(trx, partners)
  return partners
}

/** Partners whose details another key sealed, locked so that no change of theirs is lost. */
function listSealedBefore(
  trx: Transaction<Database>,
  prefix: Buffer,
  after: string,
  limit: number,
): Promise<Sealed[]> {
  return trx
    .selectFrom('partners')
    .select(['id', 'payout_details'])
    .where('id', '>', after)
    .where(sql<boolean>`substring(payout_details for ${prefix.length}) <> ${prefix}`)
    .orderBy('id')
    .limit(limit)
    .forNoKeyUpdate()
    .$narrowType<Sealed>()
    .execute()
}

async function updateSealed(trx: Transaction<Database>, partners: readonly Sealed[]): Promise<void> {
  const ids = partners.map(({ id }) => id)
  const details = partners.map(({ payout_details }) => payout_details)
  await sql`
    update partners set payout_details = given.payout_details
    from unnest(${ids}::text[], ${details}::bytea[]) as given (id, payout_details)
    where partners.id = given.id`.execute(trx)
}

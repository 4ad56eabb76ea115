import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database/tables.ts'
import { PayoutKeysMissing } from '../errors.ts'
import type { Vault } from './vault.ts'

interface SealedDetails {
  readonly id: string
  readonly payout_details: Buffer
}

interface RotationBatch {
  /** The last partner id of the previous batch. */
  readonly after: string
  readonly limit: number
}

/**
 * Re-encrypts all payout details with the newest key, one batch for each transaction, while the service runs. Returns the
 * number of partners. Errors: 503 if a key is missing.
 */
export async function rotatePayoutKeys(db: Kysely<Database>, vault: Vault, limit = 200): Promise<number> {
  if (vault.prefix.length === 0) throw new PayoutKeysMissing()
  let rotated = 0
  let after: string | undefined = ''
  while (after !== undefined) {
    const batch: RotationBatch = { after, limit }
    const partners = await db.transaction().execute((trx) => rotateBatch(trx, vault, batch))
    rotated += partners.length
    after = partners.at(-1)?.id
  }
  return rotated
}

async function rotateBatch(trx: Transaction<Database>, vault: Vault, batch: RotationBatch) {
  const old = await listSealedBefore(trx, vault.prefix, batch)
  const partners = old.map(({ id, payout_details: details }) => ({
    id,
    payout_details: vault.seal(vault.open(details, id), id),
  }))
  if (partners.length > 0) await updateSealed(trx, partners)
  return partners
}

/** The next partners whose details an older key sealed, with their rows locked so that no change is lost. */
function listSealedBefore(
  trx: Transaction<Database>,
  prefix: Buffer,
  { after, limit }: RotationBatch,
): Promise<SealedDetails[]> {
  return trx
    .selectFrom('partners')
    .select(['id', 'payout_details'])
    .where('id', '>', after)
    .where(sql<boolean>`substring(payout_details for ${prefix.length}) <> ${prefix}`)
    .orderBy('id')
    .limit(limit)
    .forNoKeyUpdate()
    .$narrowType<SealedDetails>()
    .execute()
}

async function updateSealed(trx: Transaction<Database>, partners: readonly SealedDetails[]): Promise<void> {
  const ids = partners.map(({ id }) => id)
  const details = partners.map(({ payout_details }) => payout_details)
  await sql`
    update partners set payout_details = given.payout_details
    from unnest(${ids}::text[], ${details}::bytea[]) as given (id, payout_details)
    where partners.id = given.id`.execute(trx)
}

import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database/tables.ts'
import { PayoutKeysMissing } from '../errors.ts'
import { digestLength } from './register.ts'
import type { PartnerRow } from './schemas.ts'
import type { Vault } from './vault.ts'

type Sealed = Pick<PartnerRow, 'id' | 'payout_details' | 'submission'>

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
  const partners = old.map(({ id, payout_details: details, submission }) => ({
    id,
    payout_details: details && vault.seal(vault.open(details, id), id),
    submission: submission.length === digestLength ? submission : vault.seal(vault.open(submission, id), id),
  }))
  if (partners.length > 0) await updateSealed(trx, partners)
  return partners
}

/** Partners with something that another key sealed, locked so that no change of theirs is lost. */
function listSealedBefore(
  trx: Transaction<Database>,
  prefix: Buffer,
  after: string,
  limit: number,
): Promise<Sealed[]> {
  const isOld = (column: 'payout_details' | 'submission') =>
    sql<boolean>`substring(${sql.ref(column)} for ${prefix.length}) <> ${prefix}`
  return trx
    .selectFrom('partners')
    .select(['id', 'payout_details', 'submission'])
    .where('id', '>', after)
    .where((eb) =>
      eb.or([
        isOld('payout_details'),
        eb.and([sql<boolean>`octet_length(submission) <> ${digestLength}`, isOld('submission')]),
      ]),
    )
    .orderBy('id')
    .limit(limit)
    .forNoKeyUpdate()
    .execute()
}

async function updateSealed(trx: Transaction<Database>, partners: readonly Sealed[]): Promise<void> {
  const ids = partners.map(({ id }) => id)
  const details = partners.map(({ payout_details }) => payout_details)
  const submissions = partners.map(({ submission }) => submission)
  await sql`
    update partners set payout_details = given.payout_details, submission = given.submission
    from unnest(${ids}::text[], ${details}::bytea[], ${submissions}::bytea[]) as given (id, payout_details, submission)
    where partners.id = given.id`.execute(trx)
}

import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Database } from './tables.ts'

// Two-key advisory locks: the first key is a class, so that deals and idempotency keys cannot collide.
export const classes = { deal: 1, idempotency: 2, rollups: 3, apiKeys: 4, roles: 5 } as const

/**
 * Holds these deals until the transaction ends. First statement of whatever touches their inputs: a later snapshot then
 * sees all that earlier holders did. In the order of the hashes, which two deals may share, so that holders never deadlock.
 */
export async function lockDeals(trx: Kysely<Database>, dealIds: readonly string[]): Promise<void> {
  const keys = [...new Set(dealIds.map(lockKeyOf))].sort((a, b) => a - b)
  await sql`select pg_advisory_xact_lock(${classes.deal}, key) from unnest(${keys}::int[]) as key`.execute(
    trx,
  )
}

/** Holds those deals of these that nobody holds now, until the transaction ends, and says which. */
export async function tryLockDeals(
  trx: Kysely<Database>,
  dealIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const keys = [...new Set(dealIds.map(lockKeyOf))].sort((a, b) => a - b)
  const { rows } = await sql<{ key: number; is_held: boolean }>`
    select key, pg_try_advisory_xact_lock(${classes.deal}, key) as is_held from unnest(${keys}::int[]) as key`.execute(
    trx,
  )
  const held = new Set(rows.filter(({ is_held }) => is_held).map(({ key }) => key))
  return new Set(dealIds.filter((id) => held.has(lockKeyOf(id))))
}

/** Holds an idempotency key until the transaction ends, unless another request holds it now. */
export async function tryLockIdempotencyKey(trx: Kysely<Database>, keyHash: Buffer): Promise<boolean> {
  const { rows } = await sql<{ is_held: boolean }>`
    select pg_try_advisory_xact_lock(${classes.idempotency}, ${keyHash.readInt32BE(0)}) as is_held`.execute(
    trx,
  )
  return rows[0]?.is_held === true
}

/** Holds the API keys until the transaction ends: nobody makes, changes or ends one meanwhile. */
export async function lockApiKeys(trx: Kysely<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.apiKeys}, 0)`.execute(trx)
}

/** Holds the rollups until the transaction ends: nobody folds meanwhile. */
export async function lockRollups(trx: Kysely<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.rollups}, 0)`.execute(trx)
}

/** Holds them unless somebody folds or mends them now. */
export async function tryLockRollups(trx: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ is_held: boolean }>`
    select pg_try_advisory_xact_lock(${classes.rollups}, 0) as is_held`.execute(trx)
  return rows[0]?.is_held === true
}

/** Holds the grants of the service's role until the transaction ends: changed twice at once, a table's fail. */
export async function lockRoles<DB>(trx: Kysely<DB>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.roles}, 0)`.execute(trx)
}

export function lockKeyOf(id: string): number {
  return hash('sha256', id, 'buffer').readInt32BE(0)
}

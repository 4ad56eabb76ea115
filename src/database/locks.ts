import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Database } from './tables.ts'

// Advisory locks with two keys. The first key is the class, so that deals and idempotency keys cannot collide.
export const classes = {
  deal: 1,
  idempotency: 2,
  rollups: 3,
  apiKeys: 4,
  roles: 5,
  merges: 6,
  plan: 7,
  ledger: 9,
} as const

/**
 * Locks these deals until the transaction ends. Must be the first statement of a transaction that changes their inputs: the
 * next statement then sees everything that earlier holders committed. Locks are taken in the order of the hashes, so two
 * transactions never deadlock. Two deals may share a hash.
 */
export async function lockDeals(trx: Kysely<Database>, dealIds: readonly string[]): Promise<void> {
  const keys = [...new Set(dealIds.map(lockKeyOf))].sort((a, b) => a - b)
  await sql`select pg_advisory_xact_lock(${classes.deal}, key) from unnest(${keys}::int[]) as key`.execute(
    trx,
  )
}

/** Locks those of the deals that are not locked now, until the transaction ends, and returns their ids. */
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

/** Locks an idempotency key until the transaction ends. Returns false if another request has locked it. */
export async function tryLockIdempotencyKey(trx: Kysely<Database>, keyHash: Buffer): Promise<boolean> {
  const { rows } = await sql<{ is_held: boolean }>`
    select pg_try_advisory_xact_lock(${classes.idempotency}, ${keyHash.readInt32BE(0)}) as is_held`.execute(
    trx,
  )
  return rows[0]?.is_held === true
}

/** Locks the table of API keys for changes until the transaction ends. */
export async function lockApiKeys(trx: Kysely<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.apiKeys}, 0)`.execute(trx)
}

/** Locks a commission plan until the transaction ends, so that its versions are numbered one by one. */
export async function lockPlan(trx: Kysely<Database>, planId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.plan}, ${lockKeyOf(planId)})`.execute(trx)
}

/** Locks the rollups until the transaction ends, so that no instance folds deltas into them. */
export async function lockRollups(trx: Kysely<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.rollups}, 0)`.execute(trx)
}

/** Locks the rollups until the transaction ends. Returns false if they are being folded or rebuilt now. */
export async function tryLockRollups(trx: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ is_held: boolean }>`
    select pg_try_advisory_xact_lock(${classes.rollups}, 0) as is_held`.execute(trx)
  return rows[0]?.is_held === true
}

/** Locks the requests for merges of partners until the transaction ends: two merges must not cross. */
export async function lockMergeRequests(trx: Kysely<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.merges}, 1)`.execute(trx)
}

/** Locks the merges of partners until the transaction ends. Returns false if an instance is moving a deal now. */
export async function tryLockMerges(trx: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ is_held: boolean }>`
    select pg_try_advisory_xact_lock(${classes.merges}, 0) as is_held`.execute(trx)
  return rows[0]?.is_held === true
}

/**
 * Locks the ledger until the transaction ends, so that nothing is posted. Posters share this lock: they take it in the
 * database, after the locks of their deals.
 */
export async function lockLedger(trx: Kysely<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.ledger}, 0)`.execute(trx)
}

/** Locks the freezing of statements until the transaction ends. Returns false if another instance freezes them now. */
export async function tryLockFreezing(trx: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ is_held: boolean }>`
    select pg_try_advisory_xact_lock(${classes.ledger}, 1) as is_held`.execute(trx)
  return rows[0]?.is_held === true
}

/** Locks the grants of the role of the service until the transaction ends: two concurrent grants on one table would fail. */
export async function lockRoles<DB>(trx: Kysely<DB>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${classes.roles}, 0)`.execute(trx)
}

export function lockKeyOf(id: string): number {
  return hash('sha256', id, 'buffer').readInt32BE(0)
}

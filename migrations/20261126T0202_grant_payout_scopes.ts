import { type Kysely, sql } from 'kysely'

const isLive = sql`revoked_at is null and coalesce(expires_at > clock_timestamp(), true)`

// Keys keep what they could do before these scopes were asked for: set payout details, and for admin keys everything.
export async function up(db: Kysely<unknown>): Promise<void> {
  await grant(db, 'payouts:write', sql`scopes && array['write', 'admin']`)
  await grant(db, 'payouts:read', sql`'admin' = any(scopes)`)
  await grant(db, 'payments:approve', sql`'admin' = any(scopes)`)
}

function grant(db: Kysely<unknown>, scope: string, holders: ReturnType<typeof sql>) {
  return sql`
    update api_keys set scopes = scopes || ${scope}::text
    where ${isLive} and ${holders} and not ${scope} = any(scopes)`.execute(db)
}

// payouts:read stays: which keys held it before is not recorded, and the release before knows it.
export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    update api_keys set scopes = array_remove(array_remove(scopes, 'payouts:write'), 'payments:approve')`.execute(
    db,
  )
}

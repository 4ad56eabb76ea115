import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { Client } from 'pg'
import { grantService } from './grants.ts'
import { lockRoles } from './locks.ts'

/** Creates the role in `serviceUrl` if it does not exist, and grants it the rights of the service. `owner` owns the schema. */
export async function admitService<DB>(owner: Kysely<DB>, serviceUrl: string): Promise<void> {
  const { user: role, password } = new Client({ connectionString: serviceUrl })
  if (role === undefined) throw new Error('The DATABASE_URL names no role.')
  await owner.transaction().execute(async (trx) => {
    await lockRoles(trx)
    const { rows } = await sql<{ is_known: boolean; is_owner: boolean }>`
      select exists (select from pg_roles where rolname = ${role}) as is_known, ${role}::text = current_user as is_owner`.execute(
      trx,
    )
    if (rows[0]?.is_owner) return
    if (!rows[0]?.is_known) {
      const secret = typeof password === 'string' ? sql` password ${sql.lit(toVerifier(password))}` : sql``
      await sql`create role ${sql.id(role)} login${secret}`.execute(trx)
    }
    await grantService(trx, role)
  })
}

/** Whether the role of `db` can change the schema, because it is a superuser or owns a table. */
export async function canChangeSchema<DB>(db: Kysely<DB>): Promise<boolean> {
  const { rows } = await sql<{ can: boolean }>`
    select exists (
      select from pg_class where relnamespace = current_schema()::regnamespace and pg_has_role(relowner, 'member')
    ) as can`.execute(db)
  return rows[0]?.can === true
}

/** The SCRAM-SHA-256 verifier of a password (RFC 5803), sent in place of the password so that no server log contains it. */
function toVerifier(password: string): string {
  const iterations = 4096
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const sign = (text: string) => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(sign('Client Key')).digest('base64')
  const serverKey = sign('Server Key').toString('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}

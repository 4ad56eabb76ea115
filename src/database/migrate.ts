import { readdir } from 'node:fs/promises'
import { type Kysely, sql } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'

const folder = new URL('../../migrations/', import.meta.url)

/** Brings the schema to the newest migration; of several that run at once one does it and the others wait. */
export async function migrateToLatest<DB>(db: Kysely<DB>): Promise<readonly string[]> {
  // Also where a later release has gone further: Kysely would call its migrations missing, and rolling back must work.
  if (await isSchemaCurrent(db).catch(explainDenial)) return []
  const { error, results = [] } = await db.connection().execute(async (connection) => {
    // Five seconds are enough for a request, not for an index, nor for the wait until another has made it.
    await sql`set statement_timeout = '10min'`.execute(connection)
    try {
      return await migratorOf(connection).migrateToLatest()
    } finally {
      await sql`reset statement_timeout`.execute(connection)
    }
  })
  if (error !== undefined) explainDenial(error)
  return results.map(({ migrationName }) => migrationName)
}

function explainDenial(error: unknown): never {
  const isDenied = (error as { code?: unknown }).code === '42501'
  const advice = isDenied
    ? ' This role is not the owner of the schema: run `npm run migrate` with DATABASE_OWNER_URL (docs/operations.md, "Database roles").'
    : ''
  throw new Error(`The database could not be migrated.${advice}`, { cause: error })
}

/** Whether every migration of this release has run. */
export async function isSchemaCurrent<DB>(db: Kysely<DB>): Promise<boolean> {
  const migrations = await migratorOf(db).getMigrations()
  return migrations.every(({ executedAt }) => executedAt !== undefined)
}

/** Asks whether requests can be served: the database answers and its schema is this release's. */
export function createReadiness<DB>(db: Kysely<DB>): () => Promise<boolean> {
  let isCurrent = false
  return async () => {
    // Migrations only go forward: once seen, the schema stays good, and every second asks for no more than an answer.
    if (isCurrent) await sql`select 1`.execute(db)
    else isCurrent = await isSchemaCurrent(db)
    return isCurrent
  }
}

function migratorOf<DB>(db: Kysely<DB>): Migrator {
  return new Migrator({ db, provider })
}

const provider: MigrationProvider = {
  async getMigrations() {
    const files = (await readdir(folder)).filter((file) => /^\d{8}T\d{4}_\w+\.[jt]s$/.test(file))
    const entries = files.map(async (file): Promise<[string, Migration]> => {
      const migration: unknown = await import(new URL(file, folder).href)
      return [file.replace(/\.[jt]s$/, ''), migration as Migration]
    })
    return Object.fromEntries(await Promise.all(entries))
  },
}

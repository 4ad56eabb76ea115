import { readdir } from 'node:fs/promises'
import { type Kysely, sql } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'

const folder = new URL('../../migrations/', import.meta.url)

/**
 * Runs the migrations that have not run yet and returns their names. Several processes may call it at once: one migrates,
 * the others wait. Throws if the role is not the owner of the schema.
 */
export async function migrateToLatest<DB>(db: Kysely<DB>): Promise<readonly string[]> {
  // Skip Kysely after a rollback to this release: it would report the migrations of the later release as missing.
  if (await isSchemaCurrent(db).catch(explainDenial)) return []
  const { error, results = [] } = await db.connection().execute(async (connection) => {
    // The 5 s of a request are too short to build an index, or to wait until another process has built it.
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

/** Whether every migration of this release has run. A database may have later migrations too. */
export async function isSchemaCurrent<DB>(db: Kysely<DB>): Promise<boolean> {
  return (await listPending(db)).length === 0
}

/** The names of the migrations of this release that have not run yet. */
export async function listPending<DB>(db: Kysely<DB>): Promise<readonly string[]> {
  const migrations = await migratorOf(db).getMigrations()
  return migrations.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name)
}

/** Makes a check of the database: it answers, and the migrations of this release have run. Rejects if it does not answer. */
export function createReadiness<DB>(db: Kysely<DB>): () => Promise<boolean> {
  let isCurrent = false
  return async () => {
    // Migrations only go forward, so a schema that was current stays current and `select 1` is enough.
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

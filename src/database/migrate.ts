import { readdir } from 'node:fs/promises'
import type { Kysely } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'

const folder = new URL('../../migrations/', import.meta.url)

/** Brings the schema to the newest migration; of several that run at once one does it and the others wait. */
export async function migrateToLatest<DB>(db: Kysely<DB>): Promise<readonly string[]> {
  const { error, results = [] } = await migratorOf(db).migrateToLatest()
  if (error !== undefined) throw new Error('The database could not be migrated.', { cause: error })
  return results.map(({ migrationName }) => migrationName)
}

/** Whether every migration of this release has run. */
export async function isSchemaCurrent<DB>(db: Kysely<DB>): Promise<boolean> {
  const migrations = await migratorOf(db).getMigrations()
  return migrations.every(({ executedAt }) => executedAt !== undefined)
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

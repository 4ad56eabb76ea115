import type { Environment } from '../config.ts'
import { isSchemaCurrent } from '../database/migrate.ts'
import { openDatabase, type OpenDatabase } from '../database/open-database.ts'
import { requireAnswer } from '../database/require-answer.ts'
import { commandLog, loadEnvironment } from './environment.ts'

/** Gives `work` the database of the settings, and closes it. Throws if it does not answer or its schema is too old. */
export async function withDatabase(
  work: (database: OpenDatabase, environment: Environment) => Promise<void>,
): Promise<void> {
  const environment = loadEnvironment()
  const database = await openDatabase(environment, commandLog)
  try {
    if (environment.DATABASE_URL !== undefined)
      await requireAnswer(database.db, 'DATABASE_URL', environment.DATABASE_URL)
    if (!(await isSchemaCurrent(database.db)))
      throw new Error('The database does not have the schema of this release: run `npm run migrate` first.')
    await work(database, environment)
  } finally {
    await database.close()
  }
}

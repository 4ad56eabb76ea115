import { migrateToLatest } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

await run(async () => {
  const database = await openDatabase(loadEnvironment(), commandLog)
  try {
    const done = await migrateToLatest(database.db)
    console.log(
      done.length === 0 ? 'The schema is current.' : done.map((name) => `migrated ${name}`).join('\n'),
    )
  } finally {
    await database.close()
  }
})

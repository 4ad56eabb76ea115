import { openDatabase } from '../database/open-database.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

await run(async () => {
  const database = await openDatabase(loadEnvironment(), commandLog)
  try {
    const done = await database.migrate()
    console.log(
      done.length === 0 ? 'The schema is up to date.' : done.map((name) => `migrated ${name}`).join('\n'),
    )
  } finally {
    await database.close()
  }
})

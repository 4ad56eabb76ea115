import { openDatabase } from '../database/open-database.ts'
import { foldChanges } from '../rollups/fold.ts'
import { rebuildRollups } from '../rollups/verify.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

const usage = `Usage:
  npm run rollups -- rebuild    correct the rows that differ from the recorded versions; the service may run
  npm run rollups -- fold       add the deltas that have not been added yet
To find rows that differ: npm run verify -- --rollups`

const [action = ''] = process.argv.slice(2)

await run(async () => {
  if (action !== 'rebuild' && action !== 'fold') throw new Error(usage)
  const database = await openDatabase(loadEnvironment(), commandLog)
  try {
    if (action === 'fold') return await foldChanges(database.db)
    for (const { name, differing } of await rebuildRollups(database.db)) {
      console.log(`${name}: ${differing} rows corrected`)
    }
  } finally {
    await database.close()
  }
})

import { openDatabase } from '../database/open.ts'
import { foldChanges } from '../rollups/fold.ts'
import { rebuildRollups } from '../rollups/verify.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

const usage = `Usage:
  npm run rollups -- rebuild    mend the rollups that are not what the record says, while the service runs
  npm run rollups -- fold       add up what is not added up yet
To find out whether any needs mending: npm run verify -- --rollups`

const [action = ''] = process.argv.slice(2)

await run(async () => {
  if (action !== 'rebuild' && action !== 'fold') throw new Error(usage)
  const database = await openDatabase(loadEnvironment(), commandLog)
  try {
    if (action === 'fold') return await foldChanges(database.db)
    for (const { name, differing } of await rebuildRollups(database.db)) {
      console.log(`${name}: ${differing} rows mended`)
    }
  } finally {
    await database.close()
  }
})

import { openDatabase } from '../database/open.ts'
import { foldChanges } from '../rollups/fold.ts'
import { type Checked, rebuildRollups, verifyRollups } from '../rollups/verify.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

const usage = `Usage:
  npm run rollups -- verify     work every figure out again and compare
  npm run rollups -- rebuild    mend those that differ, while the service runs
  npm run rollups -- fold       add up what is not added up yet`

const [action = ''] = process.argv.slice(2)

function print(checked: readonly Checked[], verb: string): void {
  for (const { name, differing } of checked) console.log(`${name}: ${differing} rows ${verb}`)
}

await run(async () => {
  if (!['verify', 'rebuild', 'fold'].includes(action)) throw new Error(usage)
  const database = await openDatabase(loadEnvironment(), commandLog)
  try {
    if (action === 'fold') return await foldChanges(database.db)
    const checked = action === 'verify' ? await verifyRollups(database.db) : await rebuildRollups(database.db)
    print(checked, action === 'verify' ? 'differ' : 'mended')
    if (action === 'verify' && checked.some(({ differing }) => differing > 0)) process.exitCode = 1
  } finally {
    await database.close()
  }
})

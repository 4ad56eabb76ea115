import { foldChanges } from '../rollups/fold.ts'
import { rebuildRollups } from '../rollups/verify.ts'
import { command, runOneOf } from './command.ts'
import { withDatabase } from './with-database.ts'

await runOneOf('npm run rollups', {
  rebuild: command({
    does: 'Corrects the rows that differ from the recorded versions. The service may run. `npm run verify -- --rollups` finds them.',
    run: () =>
      withDatabase(async ({ db }) => {
        for (const { name, differing } of await rebuildRollups(db))
          console.log(`${name}: ${differing} rows corrected`)
      }),
  }),
  fold: command({
    does: 'Adds the deltas that have not been added yet.',
    run: () => withDatabase(({ db }) => foldChanges(db)),
  }),
})

import { openDatabase } from '../database/open-database.ts'
import { command, runCommand } from './command.ts'
import { commandLog, loadEnvironment } from './environment.ts'

const migrate = command({
  does: 'Runs the migrations that have not run yet, as the role of DATABASE_OWNER_URL if it is set.',
  options: { 'dry-run': { help: 'list these migrations and run none' } },
  async run({ 'dry-run': isDryRun }) {
    const database = await openDatabase(loadEnvironment(), commandLog)
    try {
      const names = await (isDryRun ? database.listPending() : database.migrate())
      const did = isDryRun ? 'would run' : 'migrated'
      console.log(
        names.length === 0 ? 'The schema is up to date.' : names.map((name) => `${did} ${name}`).join('\n'),
      )
    } finally {
      await database.close()
    }
  },
})

await runCommand('npm run migrate', migrate)

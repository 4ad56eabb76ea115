import { once } from 'node:events'
import { startEmbedded } from '../postgres/embedded.ts'
import { command, runCommand } from './command.ts'
import { loadEnvironment } from './environment.ts'

const db = command({
  does: 'Keeps the embedded PostgreSQL running, so that `npm run dev` restarts without restarting the database.',
  async run() {
    const { DATABASE_URL, DATA_DIR } = loadEnvironment()
    if (DATABASE_URL !== undefined)
      throw new Error('DATABASE_URL is set, so the embedded database is not used.')
    const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
    const database = await startEmbedded({ dataDir: DATA_DIR, log: console.log })
    console.log(`Its address is in ${DATA_DIR}/connection.json; Ctrl-C stops it.`)
    await interrupted
    await database.stop()
  },
})

await runCommand('npm run db', db)

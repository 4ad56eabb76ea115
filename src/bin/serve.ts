import closeWithGrace from 'close-with-grace'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { buildApp } from '../app.ts'
import type { Environment } from '../config.ts'
import { isSchemaCurrent } from '../database/migrate.ts'
import { openDatabase } from '../database/open-database.ts'
import { canChangeSchema } from '../database/roles.ts'
import { findLostSettings } from '../database/session.ts'
import type { Database } from '../database/tables.ts'
import { findTimeZoneFault } from '../database/time-zone.ts'
import { createLog } from '../http/log.ts'
import { createTerminalLog } from '../http/terminal-log.ts'
import { firstKeyFile, localFile } from '../import/service-access.ts'
import { listJobs } from '../jobs/list-jobs.ts'
import { runJobs } from '../jobs/run-jobs.ts'
import { command, runCommand } from './command.ts'
import { explain, loadEnvironment } from './environment.ts'
import { adviseOnKeys, closeFile, makeFirstKey } from './first-key.ts'
import { readPayoutKeys } from './payout-keys.ts'
import { requirePorts } from './require-ports.ts'

const lastRequestsMs = 7000

const start = command({
  does: 'Starts the service. Settings are environment variables, or lines of `.env`; README.md lists them.',
  async run() {
    const environment = loadEnvironment()
    const terminal = process.stdout.isTTY ? createTerminalLog(process.stdout) : undefined
    const log = createLog(environment.LOG_LEVEL, terminal)
    await using opened = new AsyncDisposableStack()
    await serve(environment, log, opened)
    const running = opened.move()
    const delay = environment.DRAIN_SECONDS * 1000 + lastRequestsMs
    closeWithGrace({ delay, logger: log }, async ({ err, signal }) => {
      if (err) log.fatal({ err }, 'closing after an error')
      else log.info({ signal }, 'closing')
      await running.disposeAsync()
    })
  },
})

/** Starts the service. Adds to `opened` what must be closed, in reverse order. */
async function serve(environment: Environment, log: Logger, opened: AsyncDisposableStack): Promise<void> {
  await requirePorts(environment)
  const database = await openDatabase(environment, log)
  opened.defer(() => database.close())
  for (const file of [localFile, firstKeyFile(environment.DATA_DIR)]) {
    await closeFile(file).catch((err: unknown) => log.warn({ err }, `other users can read ${file}`))
  }
  if (environment.MIGRATE_ON_START === 'on') await database.migrate()
  await warnOfDatabase(database.db, log)
  // Without a database, or without a schema, the service starts too and confirms its time zone before its first write.
  const fault = await findTimeZoneFault(database.db, environment.TIME_ZONE).catch(() => undefined)
  if (fault !== undefined) throw new Error(fault)
  const payoutKeys = await readPayoutKeys(environment, database.isEmbedded)
  const app = await buildApp({ ...environment, payoutKeys }, database.db, log)
  opened.defer(() => app.close())
  const jobs = runJobs(listJobs(database.db, environment.TIME_ZONE), log)
  opened.defer(() => jobs.stop())
  if (database.isEmbedded) await makeFirstKey(database.db, environment.DATA_DIR)
  // The service starts even if the database is unreachable or has no schema yet.
  const advice = await adviseOnKeys(database.db).catch(() => undefined)
  if (advice !== undefined) console.log(advice)
  const address = await app.listen({ host: environment.HOST, port: environment.PORT })
  console.log(`Listening on ${address}${environment.DOCS === 'on' ? `, documented at ${address}/docs` : ''}`)
}

/** Logs what an administrator has to change. The service starts anyway; `/ready` answers whether it can serve requests. */
async function warnOfDatabase(db: Kysely<Database>, log: Logger): Promise<void> {
  try {
    if (!(await isSchemaCurrent(db)))
      log.warn('not ready: the schema is that of an earlier release; run `npm run migrate` as its owner')
    if (await canChangeSchema(db))
      log.warn('the role of DATABASE_URL can change the schema: see docs/operations.md, "Database roles"')
    const settings = await findLostSettings(db)
    if (settings.length > 0)
      log.warn({ settings }, 'settings do not reach the database: see docs/operations.md, "PgBouncer"')
  } catch (err) {
    log.warn(
      { reason: explain(err) },
      'not ready: the database of DATABASE_URL does not answer, or `npm run migrate` has not granted this role its rights',
    )
  }
}

await runCommand('npm start', start)

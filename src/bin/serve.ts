import closeWithGrace from 'close-with-grace'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { buildApp } from '../app.ts'
import type { Environment } from '../config.ts'
import { isSchemaCurrent } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'
import { canChangeSchema } from '../database/roles.ts'
import { findLostSettings } from '../database/session.ts'
import type { Database } from '../database/tables.ts'
import { createLog } from '../http/log.ts'
import { firstKeyFile, localFile } from '../import/connection.ts'
import { listJobs } from '../jobs/list-jobs.ts'
import { runJobs } from '../jobs/run-jobs.ts'
import { loadEnvironment, run } from './environment.ts'
import { adviseOnKeys, closeFile, makeFirstKey } from './first-key.ts'
import { readPayoutKeys } from './payout-keys.ts'

const lastRequestsMs = 7000

await run(async () => {
  const environment = loadEnvironment()
  const log = createLog(environment.LOG_LEVEL)
  await using opened = new AsyncDisposableStack()
  await serve(environment, log, opened)
  const running = opened.move()
  const delay = environment.DRAIN_SECONDS * 1000 + lastRequestsMs
  closeWithGrace({ delay, logger: log }, async ({ err, signal }) => {
    if (err) log.fatal({ err }, 'closing after a fault')
    else log.info({ signal }, 'closing')
    await running.disposeAsync()
  })
})

/** Starts the service; what must be closed again, the last first, is put on `opened`. */
async function serve(environment: Environment, log: Logger, opened: AsyncDisposableStack): Promise<void> {
  for (const file of [localFile, firstKeyFile(environment.DATA_DIR)]) {
    await closeFile(file).catch((err: unknown) => log.warn({ err }, `others can read ${file}`))
  }
  const database = await openDatabase(environment, log)
  opened.defer(() => database.close())
  if (environment.MIGRATE_ON_START === 'on') await database.migrate()
  await warnOfDatabase(database.db, log)
  const payoutKeys = await readPayoutKeys(environment, database.isEmbedded)
  const app = await buildApp({ ...environment, payoutKeys }, database.db, log)
  opened.defer(() => app.close())
  const jobs = runJobs(listJobs(database.db), log)
  opened.defer(() => jobs.stop())
  if (database.isEmbedded) await makeFirstKey(database.db, environment.DATA_DIR)
  // A database that is away or has no schema yet keeps no service from starting.
  const advice = await adviseOnKeys(database.db).catch(() => undefined)
  if (advice !== undefined) console.log(advice)
  const address = await app.listen({ host: environment.HOST, port: environment.PORT })
  console.log(`Listening on ${address}${environment.DOCS === 'on' ? `, documented at ${address}/docs` : ''}`)
}

/** Says what an administrator has to mend. Nothing here keeps the service from starting: `/ready` tells whether it may serve. */
async function warnOfDatabase(db: Kysely<Database>, log: Logger): Promise<void> {
  try {
    if (!(await isSchemaCurrent(db)))
      log.warn('not ready: the schema is of an earlier release; run `npm run migrate` as its owner')
    if (await canChangeSchema(db))
      log.warn('the role of DATABASE_URL may change the schema: see docs/operations.md, "Database roles"')
    const settings = await findLostSettings(db)
    if (settings.length > 0)
      log.warn({ settings }, 'settings do not reach the database: see docs/operations.md, "PgBouncer"')
  } catch (err) {
    log.warn(
      { err },
      'not ready: the database does not answer, or `npm run migrate` has not granted it to this role',
    )
  }
}

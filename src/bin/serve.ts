import { writeFile } from 'node:fs/promises'
import closeWithGrace from 'close-with-grace'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { issueKey } from '../api-keys/issue.ts'
import { listKeys } from '../api-keys/queries.ts'
import { buildApp } from '../app.ts'
import type { Environment } from '../config.ts'
import { isSchemaCurrent } from '../database/migrate.ts'
import { openDatabase } from '../database/open.ts'
import { canChangeSchema } from '../database/roles.ts'
import { findLostSettings } from '../database/session.ts'
import type { Database } from '../database/tables.ts'
import { keepFolding } from '../rollups/fold.ts'
import { createLog } from '../http/log.ts'
import { loadEnvironment, run } from './environment.ts'
import { readPayoutKeys } from './payout-keys.ts'

const ownerOnly = { mode: 0o600 }
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
  const database = await openDatabase(environment, log)
  opened.defer(() => database.close())
  if (environment.MIGRATE_ON_START === 'on') await database.migrate()
  await warnOfDatabase(database.db, log)
  const payoutKeys = await readPayoutKeys(environment, database.isEmbedded)
  const app = await buildApp({ ...environment, payoutKeys }, database.db, log)
  opened.defer(() => app.close())
  const folding = keepFolding(database.db, log)
  opened.defer(() => folding.stop())
  if (database.isEmbedded) await makeFirstKey(database.db)
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

async function makeFirstKey(db: Kysely<Database>): Promise<void> {
  if ((await listKeys(db)).length > 0) return
  const { key } = await issueKey(db, { name: 'first admin key', scopes: ['admin'] })
  await writeFile('.env.local', `API_KEY=${key}\n`, ownerOnly)
  console.log(`Your admin key, shown this once and kept in .env.local: ${key}`)
}

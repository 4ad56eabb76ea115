import type { Kysely } from 'kysely'
import { connect, type Log } from './connect.ts'
import { startEmbedded } from '../postgres/embedded.ts'
import { listPending, migrateToLatest } from './migrate.ts'
import { requireAnswer } from './require-answer.ts'
import { admitService } from './roles.ts'
import type { Database } from './tables.ts'

export interface OpenDatabase {
  /** Connections of the service's role. */
  readonly db: Kysely<Database>
  readonly isEmbedded: boolean
  /** Runs the migrations as the owner of the schema, grants the role of the service its rights, returns their names. */
  migrate(): Promise<readonly string[]>
  /** The names of the migrations that `migrate` would run. */
  listPending(): Promise<readonly string[]>
  close(): Promise<void>
}

interface DatabaseSettings {
  readonly DATABASE_URL?: string
  readonly DATABASE_OWNER_URL?: string
  readonly DATABASE_POOL_MAX?: number
  readonly DATA_DIR: string
}

/** Connects to DATABASE_URL. Without one, connects to the embedded database and starts it if it is not running. */
export async function openDatabase(settings: DatabaseSettings, log: Log): Promise<OpenDatabase> {
  const { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl, DATABASE_POOL_MAX: max = 10 } = settings
  if (url !== undefined) {
    const db = connect({ url, max, log })
    return {
      db,
      isEmbedded: false,
      migrate: () =>
        ownerUrl === undefined
          ? requireAnswer(db, 'DATABASE_URL', url).then(() => migrateToLatest(db))
          : migrateAsOwner(ownerUrl, url, log),
      listPending: () =>
        ownerUrl === undefined
          ? requireAnswer(db, 'DATABASE_URL', url).then(() => listPending(db))
          : asOwner(ownerUrl, listPending, log),
      close: () => db.destroy(),
    }
  }
  if (ownerUrl !== undefined) throw new Error('DATABASE_OWNER_URL is set without DATABASE_URL: set both.')
  const embedded = await startEmbedded({ dataDir: settings.DATA_DIR, log: (line) => log.debug({}, line) })
  // Commands that do not migrate need the role too, and data of an earlier release does not have it.
  await asOwner(embedded.ownerUrl, (owner) => admitService(owner, embedded.url), log)
  const db = connect({ url: embedded.url, max, log })
  return {
    db,
    isEmbedded: true,
    migrate: () => migrateAsOwner(embedded.ownerUrl, embedded.url, log),
    listPending: () => asOwner(embedded.ownerUrl, listPending, log),
    async close() {
      await db.destroy()
      await embedded.stop()
    },
  }
}

/** Runs the migrations as the owner, then grants the role of the service its rights. Returns the names of the migrations. */
export function migrateAsOwner(ownerUrl: string, serviceUrl: string, log: Log): Promise<readonly string[]> {
  return asOwner(
    ownerUrl,
    async (owner) => {
      const done = await migrateToLatest(owner)
      await admitService(owner, serviceUrl)
      return done
    },
    log,
  )
}

async function asOwner<Result>(
  url: string,
  work: (owner: Kysely<Database>) => Promise<Result>,
  log: Log,
): Promise<Result> {
  const owner = connect({ url, max: 1, log })
  try {
    await requireAnswer(owner, 'DATABASE_OWNER_URL', url)
    return await work(owner)
  } finally {
    await owner.destroy()
  }
}

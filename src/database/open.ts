import type { Kysely } from 'kysely'
import { connect, type Log } from './connect.ts'
import { startEmbedded } from '../postgres/embedded.ts'
import { migrateToLatest } from './migrate.ts'
import { admitService } from './roles.ts'
import type { Database } from './tables.ts'

export interface OpenDatabase {
  /** Connections of the service's role. */
  readonly db: Kysely<Database>
  readonly isEmbedded: boolean
  /** Brings the schema to this release's as its owner, and then lets the service's role use it. */
  migrate(): Promise<readonly string[]>
  close(): Promise<void>
}

interface Place {
  readonly DATABASE_URL?: string
  readonly DATABASE_OWNER_URL?: string
  readonly DATABASE_POOL_MAX?: number
  readonly DATA_DIR: string
}

/** Connects to DATABASE_URL or, without one, to the embedded database, which is started if it does not run. */
export async function openDatabase(place: Place, log: Log): Promise<OpenDatabase> {
  const { DATABASE_URL: url, DATABASE_OWNER_URL: ownerUrl, DATABASE_POOL_MAX: max = 10 } = place
  if (url !== undefined) {
    const db = connect({ url, max, log })
    return {
      db,
      isEmbedded: false,
      migrate: () => (ownerUrl === undefined ? migrateToLatest(db) : migrateAsOwner(ownerUrl, url, log)),
      close: () => db.destroy(),
    }
  }
  if (ownerUrl !== undefined) throw new Error('DATABASE_OWNER_URL needs a DATABASE_URL beside it.')
  const embedded = await startEmbedded({ dataDir: place.DATA_DIR, log: (line) => log.debug({}, line) })
  // Also for commands that do not migrate: the data of an earlier release knows no such role.
  await asOwner(embedded.ownerUrl, (owner) => admitService(owner, embedded.url), log)
  const db = connect({ url: embedded.url, max, log })
  return {
    db,
    isEmbedded: true,
    migrate: () => migrateAsOwner(embedded.ownerUrl, embedded.url, log),
    async close() {
      await db.destroy()
      await embedded.stop()
    },
  }
}

/** Migrates as the owner, then admits the role of the service to what there is now. */
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
    return await work(owner)
  } finally {
    await owner.destroy()
  }
}

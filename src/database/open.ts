import type { Kysely } from 'kysely'
import { connect, type Log } from './connect.ts'
import { startEmbedded } from './embedded.ts'
import type { Database } from './tables.ts'

export interface OpenDatabase {
  readonly db: Kysely<Database>
  readonly isEmbedded: boolean
  close(): Promise<void>
}

interface Place {
  readonly DATABASE_URL?: string
  readonly DATABASE_POOL_MAX?: number
  readonly DATA_DIR: string
}

/** Connects to DATABASE_URL or, without one, to the embedded database, which is started if it does not run. */
export async function openDatabase(place: Place, log: Log): Promise<OpenDatabase> {
  const { DATABASE_URL: url, DATABASE_POOL_MAX: max = 10, DATA_DIR: dataDir } = place
  if (url !== undefined) {
    const db = connect({ url, max, log })
    return { db, isEmbedded: false, close: () => db.destroy() }
  }
  const embedded = await startEmbedded({ dataDir, log: (line) => log.debug({}, line) })
  const db = connect({ url: embedded.url, max, log })
  return {
    db,
    isEmbedded: true,
    async close() {
      await db.destroy()
      await embedded.stop()
    },
  }
}

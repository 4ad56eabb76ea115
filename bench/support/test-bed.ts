import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { issueKey } from '../../src/api-keys/issue.ts'
import { connect } from '../../src/database/connect.ts'
import { startEmbedded } from '../../src/postgres/embedded.ts'
import { migrateAsOwner } from '../../src/database/open-database.ts'
import { end, type Listener, startListener } from '../../test/support/child-processes.ts'

export interface TestBed {
  /** Connects as the role of the service. */
  readonly url: string
  readonly ownerUrl: string
  readonly key: string
  readonly folder: string
  /** Connected as the owner. */
  readonly client: Client
  /** Starts a script that prints `Listening on URL`. */
  readonly start: (script: string, ...args: readonly string[]) => Promise<Listener>
  readonly clear: () => Promise<void>
}

/** A database on disk with full durability, an API key, and a function to start the servers to measure. */
export async function createTestBed(): Promise<TestBed> {
  const folder = await mkdtemp(join(tmpdir(), 'partner-attribution-bench-'))
  const embedded = await startEmbedded({ dataDir: folder, log: () => {} })
  const { url, ownerUrl } = embedded
  await migrateAsOwner(ownerUrl, url, console)
  const db = connect({ url, max: 2, log: console })
  const { key } = await issueKey(db, { name: 'bench', scopes: ['admin'], rate_limit_max: 1_000_000_000 })
  await db.destroy()
  const client = new Client({ connectionString: ownerUrl })
  await client.connect()
  const listeners: Listener[] = []

  return {
    url,
    ownerUrl,
    key,
    folder,
    client,
    async start(script, ...args) {
      const listener = await startListener(script, { DATABASE_URL: url }, args)
      listeners.push(listener)
      return listener
    },
    async clear() {
      await Promise.all(listeners.map(({ child }) => end(child)))
      await client.end()
      await embedded.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

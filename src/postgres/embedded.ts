import { createHmac } from 'node:crypto'
import { mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { createCluster, ensurePostmaster, shutDown, type Postmaster } from './cluster.ts'
import { findProgram } from './programs.ts'

export interface EmbeddedDatabase {
  /** As the owner of all there is, a superuser. */
  readonly ownerUrl: string
  /** As the role of the service, which `admitService` makes. */
  readonly url: string
  /** Shuts PostgreSQL down, unless another process still uses it. */
  stop(): Promise<void>
}

interface Options {
  readonly dataDir: string
  readonly log: (line: string) => void
  /** More settings for the server, such as `fsync=off` in tests. */
  readonly settings?: readonly string[]
}

const patienceMs = 60_000

/**
 * A real PostgreSQL under `dataDir`, for machines where nobody has set DATABASE_URL.
 *
 * It has users, not an owner: each process holds a shared lock in it, and the last one out shuts it down. The lock of a
 * killed process goes with its connection, so whoever comes next uses the server it left behind, and stops it.
 */
export async function startEmbedded({ dataDir, log, settings = [] }: Options): Promise<EmbeddedDatabase> {
  await findProgram('initdb')
  await mkdir(dataDir, { recursive: true })
  const root = await realpath(dataDir)
  const home = await createCluster(root)
  const password = await readFile(join(home, 'password'), 'utf8')

  for (const giveUpAt = Date.now() + patienceMs; ; await setTimeout(50)) {
    const { pid, port } = await ensurePostmaster(home, settings)
    const place = `127.0.0.1:${port}/postgres`
    const ownerUrl = `postgres://postgres:${password}@${place}`
    const presence = await enter(ownerUrl).catch((error: unknown) => {
      // It may be recovering from a crash, or on its way down, in which case the next turn starts it again.
      if (Date.now() > giveUpAt) throw new Error(`PostgreSQL in ${home} does not answer`, { cause: error })
    })
    if (presence === undefined) continue
    await writeConnection(root, { url: ownerUrl, pid, port })
    log(`PostgreSQL runs on 127.0.0.1:${port}, its data is in ${home}`)
    // The service's password follows from the cluster's, so that there is one secret to keep.
    const url = `postgres://service:${createHmac('sha256', password).update('service').digest('hex')}@${place}`
    return { ownerUrl, url, stop: () => leave({ root, home, ownerUrl, presence }) }
  }
}

async function enter(url: string): Promise<Client> {
  const presence = await connect(url)
  await presence.query('select pg_advisory_lock_shared(0, 0)')
  return presence
}

interface Visit {
  readonly root: string
  readonly home: string
  readonly ownerUrl: string
  readonly presence: Client
}

async function leave({ root, home, ownerUrl, presence }: Visit): Promise<void> {
  await presence.end()
  const client = await connect(ownerUrl).catch(() => undefined)
  if (client === undefined) return
  // Two numbers are a key space of their own: no lock that the service takes by one number can be in the way.
  const { rows } = await client.query<{ is_last: boolean }>('select pg_try_advisory_lock(0, 0) as is_last')
  if (rows[0]?.is_last) {
    await rm(connectionFile(root), { force: true })
    await shutDown(home)
  }
  await client.end()
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5000 })
  // Without a listener, a server that stops takes this process with it.
  client.on('error', () => {})
  await client.connect()
  return client
}

const connectionFile = (root: string) => join(root, 'connection.json')

/** For people and their tools: our own processes ask the cluster itself, which cannot be out of date. */
async function writeConnection(
  root: string,
  connection: Postmaster & { readonly url: string },
): Promise<void> {
  const unfinished = `${connectionFile(root)}.${process.pid}`
  await writeFile(unfinished, `${JSON.stringify(connection, null, 2)}\n`, { mode: 0o600 })
  await rename(unfinished, connectionFile(root))
}

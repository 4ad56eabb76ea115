import { createHmac } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { createCluster, ensurePostmaster, shutDown, type Postmaster } from './cluster.ts'
import { prepareFolder } from './data-folder.ts'
import { findProgram } from './programs.ts'

export interface EmbeddedDatabase {
  /** Connects as the owner of the cluster, a superuser. */
  readonly ownerUrl: string
  /** Connects as the role of the service, which `admitService` creates. */
  readonly url: string
  /** Stops PostgreSQL unless another process still uses it. */
  stop(): Promise<void>
}

interface EmbeddedOptions {
  readonly dataDir: string
  readonly log: (line: string) => void
  /** More settings for the server, such as `fsync=off` in tests. */
  readonly settings?: readonly string[]
}

const serverTimeoutMs = 20_000
const recoveryTimeoutMs = 300_000
// Codes of PostgreSQL: 28P01 is invalid_password, 57P03 cannot_connect_now.
const [wrongPassword, notReady] = ['28P01', '57P03']

/**
 * Starts a PostgreSQL server with its data under `dataDir`, used if DATABASE_URL is not set, or joins the running one.
 *
 * Several processes share the server. Each holds a shared advisory lock, and the last one to leave stops the server. The
 * lock of a killed process ends with its connection; the next process uses the server that still runs, and stops it.
 */
export async function startEmbedded({
  dataDir,
  log,
  settings = [],
}: EmbeddedOptions): Promise<EmbeddedDatabase> {
  await findProgram('initdb')
  const root = await prepareFolder(dataDir)
  const home = await createCluster(root)
  const password = await readFile(join(home, 'password'), 'utf8')

  for (const startedAt = Date.now(); ; await setTimeout(50)) {
    const { pid, port } = await ensurePostmaster(home, settings)
    const address = `127.0.0.1:${port}/postgres`
    const ownerUrl = `postgres://postgres:${password}@${address}`
    const holder = await hold(ownerUrl).catch((cause: Error & { readonly code?: string }) => {
      if (cause.code === wrongPassword)
        throw new Error(`DATA_DIR: the PostgreSQL in ${home} does not take the password in that folder:`, {
          cause,
        })
      // The server may be recovering from a crash, or stopping; in that case the next round starts it again.
      const waitMs = cause.code === notReady ? recoveryTimeoutMs : serverTimeoutMs
      if (Date.now() - startedAt > waitMs)
        throw new Error(`DATA_DIR: the PostgreSQL in ${home} (process ${pid}) does not answer:`, { cause })
    })
    if (holder === undefined) continue
    await writeConnection(root, { url: ownerUrl, pid, port })
    log(`PostgreSQL runs on 127.0.0.1:${port}. Its data is in ${home}.`)
    // Derived from the password of the owner, so that there is only one secret to keep.
    const url = `postgres://service:${createHmac('sha256', password).update('service').digest('hex')}@${address}`
    return { ownerUrl, url, stop: () => leave({ root, home, ownerUrl, holder }) }
  }
}

/** The connection that holds the shared lock of this process. */
async function hold(url: string): Promise<Client> {
  const holder = await connect(url)
  await holder.query('select pg_advisory_lock_shared(0, 0)')
  return holder
}

interface Membership {
  readonly root: string
  readonly home: string
  readonly ownerUrl: string
  readonly holder: Client
}

/** Gives up the shared lock, and stops the server if no other process holds it. */
async function leave({ root, home, ownerUrl, holder }: Membership): Promise<void> {
  await holder.end()
  const client = await connect(ownerUrl).catch(() => undefined)
  if (client === undefined) return
  const { rows } = await client.query<{ is_last: boolean }>('select pg_try_advisory_lock(0, 0) as is_last')
  if (rows[0]?.is_last) {
    await rm(connectionFile(root), { force: true })
    await shutDown(home)
  }
  await client.end()
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5000 })
  // Without a listener, a server that stops would end this process.
  client.on('error', () => {})
  await client.connect()
  return client
}

const connectionFile = (root: string) => join(root, 'connection.json')

/** Writes connection.json for people and their tools. Our own processes read the cluster itself, which is never out of date. */
async function writeConnection(
  root: string,
  connection: Postmaster & { readonly url: string },
): Promise<void> {
  const unfinished = `${connectionFile(root)}.${process.pid}`
  await writeFile(unfinished, `${JSON.stringify(connection, null, 2)}\n`, { mode: 0o600 })
  await rename(unfinished, connectionFile(root))
}

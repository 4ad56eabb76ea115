import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { issueKey } from '../../../src/api-keys/issue.ts'
import { connect } from '../../../src/database/connect.ts'
import { startEmbedded } from '../../../src/postgres/embedded.ts'
import { migrateAsOwner } from '../../../src/database/open-database.ts'
import type { Database } from '../../../src/database/tables.ts'
import { end, isAlive, type Listener, startListener } from '../child-processes.ts'
import { findFreePort } from '../free-port.ts'
import { type Send, sendOverHttp } from './instance-client.ts'
import { quietLog } from '../log.ts'

/** Processes of the service on a PostgreSQL with full durability, all of which can be killed. */
export interface Deployment {
  readonly db: Kysely<Database>
  readonly instances: readonly Send[]
  /** Kills an instance and starts another in its place. */
  readonly killService: (n: number) => Promise<void>
  /** Kills every process of the database and starts it again. */
  readonly killDatabase: () => Promise<void>
  /** The number of instances that ended without being killed. */
  readonly countExits: () => number
  readonly close: () => Promise<void>
}

export async function startDeployment(count: number): Promise<Deployment> {
  const dataDir = await mkdtemp(join(tmpdir(), 'partner-attribution-deployment-'))
  const settings = [`port=${await findFreePort()}`]
  let embedded = await startEmbedded({ dataDir, log: () => {}, settings })
  const { url } = embedded
  await migrateAsOwner(embedded.ownerUrl, url, quietLog)
  const db = connect({ url, log: quietLog })
  const { key } = await issueKey(db, { name: 'deployment', scopes: ['admin'], rate_limit_max: 1_000_000_000 })
  let exits = 0

  const startInstance = async () => {
    const listener = await startListener('src/bin/serve.ts', { DATABASE_URL: url })
    listener.child.on('exit', () => (exits += 1))
    return listener
  }
  const listeners = await Promise.all(Array.from({ length: count }, startInstance))

  return {
    db,
    instances: listeners.map((_, n) => sendOverHttp(() => (listeners[n] as Listener).address, key)),
    async killService(n) {
      const { child } = listeners[n] as Listener
      child.removeAllListeners('exit')
      await end(child, 'SIGKILL')
      listeners[n] = await startInstance()
    },
    async killDatabase() {
      await killWholly(await findPostmaster(dataDir))
      embedded = await startEmbedded({ dataDir, log: () => {}, settings })
    },
    countExits: () => exits,
    async close() {
      await Promise.all(listeners.map(({ child }) => end(child, 'SIGKILL')))
      await db.destroy()
      await embedded.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function findPostmaster(dataDir: string): Promise<number> {
  const connection = await readFile(join(dataDir, 'connection.json'), 'utf8')
  return (JSON.parse(connection) as { pid: number }).pid
}

/** Kills the postmaster first, so that it does not restart its children. */
async function killWholly(postmaster: number): Promise<void> {
  const pids = [postmaster, ...(await listChildren(postmaster))]
  process.kill(postmaster, 'SIGKILL')
  for (const pid of [...pids, ...(await listChildren(postmaster))])
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  while (pids.some(isAlive)) await setImmediate()
}

async function listChildren(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return stats.flatMap((stat) => {
    const [, pid, ppid] = /^(\d+) \(.*\) \S (\d+)/.exec(stat) ?? []
    return Number(ppid) === parent ? [Number(pid)] : []
  })
}

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { giveAwayFromRoot, runProgram } from './programs.ts'

/** The running server of a cluster. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
}

// Retries, because the initdb of a killed process writes into the folder for a moment longer.
const recursively = { recursive: true, force: true, maxRetries: 8 }

/**
 * Returns the folder with the cluster and its password, and creates it if it is missing. It is created under another name
 * and renamed, so it is complete or absent even if a process is killed or two processes create it at the same time.
 */
export async function createCluster(root: string): Promise<string> {
  const home = join(root, 'postgres')
  if (existsSync(home)) return home
  await removeUnfinished(root)
  const unfinished = await mkdtemp(`${home}.${process.pid}.`)
  const password = join(unfinished, 'password')
  try {
    await writeFile(password, randomBytes(24).toString('hex'), { mode: 0o600 })
    await giveAwayFromRoot([unfinished, password])
    const access = ['--username=postgres', '--pwfile=password', '--auth=scram-sha-256']
    const text = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
    // No socket: its path may be too long or not writable. The log must not contain refused rows: they hold e-mail addresses.
    const settings = [
      'unix_socket_directories=',
      'timezone=UTC',
      'log_min_messages=log',
      'log_checkpoints=off',
    ]
    const set = settings.map((setting) => `--set=${setting}`)
    await runProgram('initdb', ['-D', 'data', ...access, ...text, ...set], unfinished)
    await rename(unfinished, home)
  } catch (error) {
    if (!existsSync(home)) throw error
  } finally {
    await rm(unfinished, recursively)
  }
  return home
}

/** Removes the unfinished clusters of processes that no longer run. */
async function removeUnfinished(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const [, pid] = /^postgres\.(\d+)\./.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(root, name), recursively)
  }
}

/** Starts the server of the cluster unless it runs already. Throws after five failed starts. */
export async function ensurePostmaster(home: string, settings: readonly string[]): Promise<Postmaster> {
  const options = [
    '-h 127.0.0.1',
    `-p ${await findFreePort()}`,
    ...settings.map((setting) => `-c ${setting}`),
  ]
  // pg_ctl starts the server in a session of its own, so Ctrl-C in a terminal does not stop it before our last query.
  const start = ['start', '-D', 'data', '-l', 'log', '-o', options.join(' '), '-w', '-t', '300']
  const failures: unknown[] = []
  // A start also fails if another process starts the server first, even if it has stopped the server again since, or while
  // the child processes of a killed server are still ending.
  while (failures.length < 5) {
    const postmaster = await findPostmaster(home)
    if (postmaster !== undefined) return postmaster
    await runProgram('pg_ctl', start, home).catch((error: unknown) => failures.push(error))
    if (failures.length > 0) await setTimeout(200)
  }
  throw new Error(`PostgreSQL does not start; see ${join(home, 'log')}.`, { cause: failures.at(-1) })
}

/** Stops the server: ends every connection and writes all data to disk before it returns. */
export async function shutDown(home: string): Promise<void> {
  await runProgram('pg_ctl', ['stop', '-D', 'data', '-m', 'fast', '-w', '-t', '300'], home)
}

async function findPostmaster(home: string): Promise<Postmaster | undefined> {
  const file = join(home, 'data', 'postmaster.pid')
  const [pid = '', directory, , port] = (await readFile(file, 'utf8').catch(() => '')).split('\n')
  if (!isAlive(Number(pid))) return undefined
  // Another process may have the pid of a dead postmaster, and PostgreSQL would then refuse to start. The postmaster runs in
  // the folder of the cluster, so compare the folders. Without /proc, trust the file, as PostgreSQL does.
  const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => directory)
  if (workingDirectory === directory) return { pid: Number(pid), port: Number(port) }
  await rm(file, { force: true })
  return undefined
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { giveAwayFromRoot, runProgram } from './programs.ts'

export interface Postmaster {
  readonly pid: number
  readonly port: number
}

// A killed process's initdb goes on writing for a moment while its folder is being removed.
const wholly = { recursive: true, force: true, maxRetries: 8 }

/**
 * The folder with a cluster and its password. It is made aside and renamed: whole or absent, whoever is killed in the
 * middle and whoever else is at it.
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
    // A socket's path may be too long or not writable. The log must not repeat refused rows, which hold e-mail addresses.
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
    await rm(unfinished, wholly)
  }
  return home
}

async function removeUnfinished(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const [, maker] = /^postgres\.(\d+)\./.exec(name) ?? []
    if (maker !== undefined && !isAlive(Number(maker))) await rm(join(root, name), wholly)
  }
}

/** The cluster's server, started if it does not run. */
export async function ensurePostmaster(home: string, settings: readonly string[]): Promise<Postmaster> {
  const options = [
    '-h 127.0.0.1',
    `-p ${await findFreePort()}`,
    ...settings.map((setting) => `-c ${setting}`),
  ]
  // pg_ctl gives the server a session of its own: Ctrl-C in a terminal does not stop it before our last query.
  const start = ['start', '-D', 'data', '-l', 'log', '-o', options.join(' '), '-w', '-t', '300']
  const failures: unknown[] = []
  // A start also fails when another process is faster, and may have stopped the server again when we look for it, or
  // while what a killed server left behind has not ended yet.
  while (failures.length < 5) {
    const postmaster = await findPostmaster(home)
    if (postmaster !== undefined) return postmaster
    await runProgram('pg_ctl', start, home).catch((error: unknown) => failures.push(error))
    if (failures.length > 0) await setTimeout(200)
  }
  throw new Error(`PostgreSQL does not start; see ${join(home, 'log')}`, { cause: failures.at(-1) })
}

/** Ends every connection and writes everything down before it returns. */
export async function shutDown(home: string): Promise<void> {
  await runProgram('pg_ctl', ['stop', '-D', 'data', '-m', 'fast', '-w', '-t', '300'], home)
}

async function findPostmaster(home: string): Promise<Postmaster | undefined> {
  const file = join(home, 'data', 'postmaster.pid')
  const [pid = '', directory, , port] = (await readFile(file, 'utf8').catch(() => '')).split('\n')
  if (!isAlive(Number(pid))) return undefined
  // Any process that has got a dead postmaster's number keeps PostgreSQL from starting, so look whether it works in the
  // cluster's folder. Where there is no /proc to look in, believe the file, as PostgreSQL does.
  const workplace = await readlink(`/proc/${pid}/cwd`).catch(() => directory)
  if (workplace === directory) return { pid: Number(pid), port: Number(port) }
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

import { type ChildProcess, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import { connect } from '../../src/database/connect.ts'
import { createDatabase } from '../support/database.ts'
import { quietLog } from '../support/log.ts'
import { end } from '../support/child-processes.ts'

interface Service {
  readonly url: string
  /** Resolves when the service has answered this number of requests. */
  readonly served: (requests: number) => Promise<void>
  /** Kills the process. */
  readonly kill: () => Promise<void>
}

/** A database, a folder, and an admin key with a very high rate limit. */
export async function createHome(t: Test) {
  const { url: databaseUrl } = await createDatabase(t)
  const db = connect({ url: databaseUrl, max: 2, log: quietLog })
  t.teardown(() => db.destroy())
  const { key } = await issueKey(db, { name: 'test', scopes: ['admin'], rate_limit_max: 1_000_000_000 })
  return { databaseUrl, db, key, folder: t.testdir() }
}

/** The service as `npm start` runs it. */
export async function startService(
  t: Test,
  { databaseUrl, folder, port = 0 }: { databaseUrl: string; folder: string; port?: number },
): Promise<Service> {
  const env = { DATABASE_URL: databaseUrl, PORT: String(port), METRICS_PORT: '', LOG_LEVEL: 'info' }
  const child = start('src/bin/serve.ts', [], { folder, env })
  const lines = createInterface({ input: child.stdout! })
  child.stderr!.resume()
  const kill = () => end(child, 'SIGKILL')
  t.teardown(kill)
  let count = 0
  const url = await new Promise<string>((resolve, reject) => {
    child.on('exit', () => reject(new Error('The service did not start.')))
    lines.on('line', (line) => {
      if (line.includes('request served')) lines.emit('served', (count += 1))
      const [, address] = /^Listening on (\S+?),? /.exec(`${line} `) ?? []
      if (address !== undefined) resolve(address)
    })
  })
  return {
    url,
    kill,
    served: async (requests) => {
      if (count >= requests) return
      for await (const [now] of on(lines, 'served')) if (now >= requests) return
    },
  }
}

interface CommandOptions {
  readonly folder: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
  readonly onStart?: (child: ChildProcess) => void
}

/** Runs a command, such as `src/bin/keys.ts`, to its end. */
export async function runCommand(
  file: string,
  args: readonly string[],
  { folder, env = {}, input = '', onStart = () => {} }: CommandOptions,
) {
  const child = start(file, args, { folder, env: { INIT_CWD: folder, ...env } })
  child.stdin!.end(input)
  onStart(child)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}

function start(
  file: string,
  args: readonly string[],
  { folder, env }: { readonly folder: string; readonly env: NodeJS.ProcessEnv },
): ChildProcess {
  const program = fileURLToPath(new URL(`../../${file}`, import.meta.url))
  return spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** A load balancer that gives `answers` to the first requests and passes the later ones to the service. */
export async function startBalancer(
  t: Test,
  serviceUrl: string,
  answers: readonly ((response: ServerResponse) => void)[],
): Promise<string> {
  const pending = [...answers]
  const server = createServer((incoming, response) => {
    const answer = pending.shift()
    if (answer !== undefined) return answer(response)
    const { method, url: path, headers } = incoming
    const onward = request(new URL(path!, serviceUrl), { method, headers } as object, (answered) => {
      response.writeHead(answered.statusCode!, answered.headers)
      answered.pipe(response)
    })
    incoming.pipe(onward)
    return undefined
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

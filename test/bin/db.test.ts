import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import t, { type Test } from 'tap'

t.test('npm run db keeps its server running while the service restarts', async (t) => {
  const folder = t.testdir()
  const db = await startUntil(t, folder, 'db', /Ctrl-C/)
  const { url, pid } = JSON.parse(await readFile(`${folder}/data/connection.json`, 'utf8'))

  for (let round = 0; round < 2; round++) {
    const service = await startUntil(t, folder, 'serve', /^Listening/)
    t.strictSame(await interrupt(service), [0, null])
    t.strictSame(await findServer(url), { pid })
  }

  t.strictSame(await interrupt(db), [0, null])
  await t.rejects(findServer(url), { code: 'ECONNREFUSED' })
})

t.test('npm run db refuses to start when DATABASE_URL is set', async (t) => {
  const child = start(t.testdir(), 'db', { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
  const errors = createInterface({ input: child.stderr! })

  const [line] = (await once(errors, 'line')) as [string]

  t.equal(line, 'DATABASE_URL is set, so the embedded database is not used.')
  t.strictSame(await once(child, 'exit'), [1, null])
})

function start(folder: string, name: string, env: NodeJS.ProcessEnv): ChildProcess {
  const program = fileURLToPath(new URL(`../../src/bin/${name}.ts`, import.meta.url))
  return spawn(process.execPath, [program], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: '', PORT: '0', METRICS_PORT: '', LOG_LEVEL: 'fatal', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function startUntil(t: Test, folder: string, name: string, sign: RegExp): Promise<ChildProcess> {
  const child = start(folder, name, {})
  t.teardown(() => interrupt(child))
  child.stderr!.pipe(process.stderr)
  for await (const line of createInterface({ input: child.stdout! })) if (sign.test(line)) break
  child.stdout!.resume()
  return child
}

async function interrupt(child: ChildProcess): Promise<unknown[]> {
  if (child.exitCode !== null || child.signalCode !== null) return [child.exitCode, child.signalCode]
  const exited = once(child, 'exit')
  child.kill('SIGINT')
  return exited
}

/** The process id of the server at an address. */
async function findServer(connectionString: string): Promise<{ readonly pid: number }> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<{ file: string }>("select pg_read_file('postmaster.pid') as file")
    return { pid: Number(rows[0]!.file.split('\n')[0]) }
  } finally {
    await client.end()
  }
}

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { startEmbedded } from '../../src/postgres/embedded.ts'

const log = () => {}

t.test('the embedded server keeps its data across restarts', async (t) => {
  const dataDir = await createFolder(t)
  const first = await startEmbedded({ dataDir, log })
  await query(first.ownerUrl, 'create table notes as select 42 as number')
  await first.stop()

  const second = await start(t, dataDir)

  t.strictSame(await query(second.ownerUrl, 'select number from notes'), [{ number: 42 }])
})

t.test(
  'the embedded server works in a folder with spaces, on loopback, with fsync and a password',
  async (t) => {
    const { ownerUrl: url } = await start(t, `${await createFolder(t)}/some  folder`)

    const shown = await query(
      url,
      "select current_setting('listen_addresses') as host, current_setting('fsync') as fsync",
    )
    t.strictSame(shown, [{ host: '127.0.0.1', fsync: 'on' }])
    await t.rejects(query(url.replace(/:\w+@/, ':guess@'), 'select'), { code: '28P01' })
  },
)

t.test('the embedded server writes its address to a private file and deletes it when it stops', async (t) => {
  const dataDir = await createFolder(t)
  const file = `${dataDir}/connection.json`
  const embedded = await startEmbedded({ dataDir, log })

  const { mode } = await stat(file)
  t.equal(mode & 0o777, 0o600)
  t.match(JSON.parse(await readFile(file, 'utf8')), {
    url: embedded.ownerUrl,
    pid: Number,
    port: Number(new URL(embedded.ownerUrl).port),
  })

  await embedded.stop()
  await t.rejects(stat(file), { code: 'ENOENT' })
})

t.test('the embedded server serves several users and stops with the last one', async (t) => {
  const dataDir = await createFolder(t)
  const first = await startEmbedded({ dataDir, log })
  const second = await startEmbedded({ dataDir, log })

  t.equal(second.ownerUrl, first.ownerUrl)
  await first.stop()
  t.strictSame(await query(second.ownerUrl, 'select 1 as one'), [{ one: 1 }])
  await second.stop()
  await t.rejects(query(second.ownerUrl, 'select'), { code: 'ECONNREFUSED' })
})

t.test('a server that hangs, or has another password, is a fault of DATA_DIR', async (t) => {
  const dataDir = await createFolder(t)
  await start(t, dataDir)
  const { pid } = JSON.parse(await readFile(`${dataDir}/connection.json`, 'utf8')) as { pid: number }

  process.kill(pid, 'SIGSTOP')
  await t.rejects(startEmbedded({ dataDir, log }), {
    message: /^DATA_DIR: the PostgreSQL in \S+ \(process \d+\) does not answer:$/,
  })
  process.kill(pid, 'SIGCONT')
  const password = await readFile(`${dataDir}/postgres/password`, 'utf8')
  await writeFile(`${dataDir}/postgres/password`, 'another')
  await t.rejects(startEmbedded({ dataDir, log }), {
    message: /^DATA_DIR: .* does not take the password in that folder:$/,
  })
  await writeFile(`${dataDir}/postgres/password`, password)
})

t.test('processes that start at the same time create and start one embedded server', async (t) => {
  const dataDir = await createFolder(t)

  const children = await Promise.all([spawnUser(t, dataDir), spawnUser(t, dataDir), spawnUser(t, dataDir)])

  t.equal(new Set(children.map(({ url }) => url)).size, 1)
})

t.test('the embedded server survives a killed process, and the next process stops it', async (t) => {
  const dataDir = await createFolder(t)
  const { child, url } = await spawnUser(t, dataDir)
  await query(url, 'create table notes as select 42 as number')
  await kill(child)

  const next = await startEmbedded({ dataDir, log })

  t.equal(next.ownerUrl, url)
  t.strictSame(await query(url, 'select number from notes'), [{ number: 42 }])
  await next.stop()
  await t.rejects(query(url, 'select'), { code: 'ECONNREFUSED' })
})

t.test('the embedded server recovers after it was killed', async (t) => {
  const dataDir = await createFolder(t)
  const first = await startEmbedded({ dataDir, log })
  await query(first.ownerUrl, 'create table notes as select 42 as number')
  const { pid } = JSON.parse(await readFile(`${dataDir}/connection.json`, 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  await first.stop()

  const second = await start(t, dataDir)

  t.strictSame(await query(second.ownerUrl, 'select number from notes'), [{ number: 42 }])
})

t.test('the embedded server starts when another process has the id of a dead server', async (t) => {
  const dataDir = await createFolder(t)
  await startEmbedded({ dataDir, log }).then((embedded) => embedded.stop())
  const stale = [process.pid, `${dataDir}/postgres/data`, 1, 5432, '', '127.0.0.1', '1 1', 'ready', '']
  await writeFile(`${dataDir}/postgres/data/postmaster.pid`, stale.join('\n'))

  const { ownerUrl: url } = await start(t, dataDir)

  t.strictSame(await query(url, 'select 1 as one'), [{ one: 1 }])
})

t.test('the embedded server deletes a cluster whose creation was interrupted', async (t) => {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  const unfinished = `postgres.${child.pid}.x1Y2z3`
  const dataDir = await createFolder(t)
  await mkdir(`${dataDir}/${unfinished}/data`, { recursive: true })

  await start(t, dataDir)

  await t.rejects(stat(`${dataDir}/${unfinished}`), { code: 'ENOENT' })
})

t.test('the error of a failed start names the log of the embedded server', async (t) => {
  const dataDir = await createFolder(t)

  const refused = startEmbedded({ dataDir, log, settings: ['nonsense=1'] })

  await t.rejects(refused, { message: `PostgreSQL does not start; see ${dataDir}/postgres/log.` })
})

// Not t.testdir(): tap removes that before a teardown can stop the server in it.
async function createFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'embedded-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function start(t: Test, dataDir: string) {
  const embedded = await startEmbedded({ dataDir, log })
  t.teardown(() => embedded.stop())
  return embedded
}

const user = `
  import { startEmbedded } from '${import.meta.resolve('../../src/postgres/embedded.ts')}'
  const embedded = await startEmbedded({ dataDir: process.argv[1], log() {} })
  console.log(embedded.ownerUrl)
  process.stdin.resume().once('end', () => embedded.stop())
`

/** Another process that uses the database until it is killed or the test ends. */
async function spawnUser(t: Test, dataDir: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', user, dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  t.teardown(() => {
    child.stdin.end()
    return ended
  })
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, url }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readdir, rmdir } from 'node:fs/promises'
import { Agent, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import { Pool } from 'pg'
import t, { type Test } from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import { connect } from '../../src/database/connect.ts'
import { createDatabase } from '../support/database.ts'
import { fillWithLongShares } from '../support/long-shares.ts'
import { quietLog } from '../support/log.ts'

const agent = new Agent({ keepAlive: true })
t.teardown(() => agent.destroy())

t.test('the service answers during the drain after SIGTERM, is not ready, and exits with 0', async (t) => {
  // Long enough for two requests on a slow machine.
  const { child, base } = await startService(t, { DRAIN_SECONDS: '5' })
  const before = await fetchStatus(`${base}/ready`)

  child.kill('SIGTERM')
  const after = await untilReady(base, 503)
  const { statusCode, headers } = await fetchStatus(`${base}/health`)

  t.equal(before.statusCode, 200)
  t.match(after, {
    statusCode: 503,
    headers: { 'content-type': /^application\/problem\+json/, 'retry-after': '1' },
  })
  t.match({ statusCode, connection: headers.connection }, { statusCode: 200, connection: 'close' })
  t.strictSame(await once(child, 'exit'), [0, null])
})

t.test(
  'the service exits without a drain when nothing has asked /ready, despite open connections',
  async (t) => {
    const { child, base } = await startService(t, { DRAIN_SECONDS: '60' })
    await fetchStatus(`${base}/health`)

    child.kill('SIGTERM')

    t.strictSame(await once(child, 'exit'), [0, null])
  },
)

t.test('at SIGTERM an open export has the time of the drain to end, and is then cut off', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  const { lines } = await fillWithLongShares(ownerUrl, 1000)
  const { child, base } = await startService(t, { DATABASE_URL: url, DRAIN_SECONDS: '5' })
  const headers = { 'x-api-key': await makeKey(url) }
  const open = async () =>
    (await once(get(`${base}/attributions.csv`, { headers }), 'response')) as [IncomingMessage]
  await fetchStatus(`${base}/ready`)
  const [[read], [unread]] = await Promise.all([open(), open()])

  child.kill('SIGTERM')
  await untilReady(base, 503)
  const whole = await text(read)

  t.strictSame(await once(child, 'exit'), [0, null])
  t.equal(whole.split('\r\n').length, 1 + lines + 1)
  await t.rejects(text(unread), { code: 'ECONNRESET' })
})

t.test('the service exits with 1 at the second signal', async (t) => {
  const { child, base } = await startService(t, { DRAIN_SECONDS: '60' })
  await fetchStatus(`${base}/ready`)
  child.kill('SIGTERM')
  await untilReady(base, 503)

  child.kill('SIGTERM')

  t.strictSame(await once(child, 'exit'), [1, null])
})

t.test('the service runs the background jobs from its start', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  await query(
    ownerUrl,
    `insert into rate_limits values ('gone', '2026-01-01T00:00:00Z', 1);
    insert into touchpoint_deltas (deal_id, partner_id, touchpoint_type, touchpoints, day)
    values ('d1', 'p1', 'demo', 1, '2026-01-01')`,
  )
  const { child } = await startService(t, { DATABASE_URL: url })
  const pool = new Pool({ connectionString: ownerUrl, max: 1 })
  const isLeft = async () =>
    (await pool.query('select from rate_limits union all select from touchpoint_deltas')).rowCount !== 0

  while (await isLeft());
  await pool.end()
  child.kill('SIGTERM')

  t.strictSame(await once(child, 'exit'), [0, null])
})

t.test('the service starts without a schema and is ready after another process has migrated', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  await query(ownerUrl, 'drop schema public cascade; create schema public')
  const { base } = await startService(t, { DATABASE_URL: url, MIGRATE_ON_START: 'off' })

  const health = await fetchStatus(`${base}/health`)
  const before = await fetchStatus(`${base}/ready`)
  const migration = await runMigration(url, ownerUrl)

  t.equal(health.statusCode, 200)
  t.equal(before.statusCode, 503)
  t.equal(migration.code, 0)
  t.match(await untilReady(base, 200), { statusCode: 200 })
})

t.test('when five migrations run at once, one migrates and the others find the schema current', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  await query(ownerUrl, 'drop schema public cascade; create schema public')

  const results = await Promise.all([1, 2, 3, 4, 5].map(() => runMigration(url, ownerUrl)))

  t.strictSame(
    results.map(({ code }) => code),
    [0, 0, 0, 0, 0],
  )
  const workers = results.filter(({ output }) => output.includes('migrated 20261122T1900_create_partners'))
  const others = results.filter(({ output }) => output === 'The schema is up to date.\n')
  t.strictSame([workers.length, others.length], [1, 4])
})

t.test('npm run migrate ignores the migrations of a later release', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  await query(
    ownerUrl,
    `insert into kysely_migration values ('29990101T0000_do_more', '2999-01-01T00:00:00.000Z')`,
  )

  t.match(await runMigration(url), { code: 0, output: 'The schema is up to date.\n' })
})

t.test('the role of the service cannot migrate and is told to use DATABASE_OWNER_URL', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  await query(ownerUrl, 'delete from kysely_migration where name > $$20261126T0300$$')

  const migration = await runMigration(url)
  const start = await runService(t, { DATABASE_URL: url })

  t.match(migration, {
    code: 1,
    stderr: /not the owner of the schema: run `npm run migrate` with DATABASE_OWNER_URL/,
  })
  t.match(start, {
    code: 1,
    stderr: /not the owner of the schema: run `npm run migrate` with DATABASE_OWNER_URL/,
  })
})

t.test('a start as the owner of the tables logs one warning', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)

  const warnings = await Promise.all([url, ownerUrl].map((DATABASE_URL) => startAndEnd(t, { DATABASE_URL })))

  t.strictSame(warnings[0], [])
  t.match(warnings[1], [/can change the schema: see docs\/operations.md, "Database roles"/])
})

t.test('npm run migrate -- --dry-run lists the migrations that would run and runs none', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  await query(ownerUrl, 'drop schema public cascade; create schema public')
  const dryRun = () => runMigration(url, ownerUrl, ['--dry-run'])

  const before = await dryRun()
  const again = await dryRun()
  await runMigration(url, ownerUrl)
  const after = await dryRun()

  t.match(before, { code: 0, output: /^would run 20261122T1900_create_partners\nwould run / })
  t.strictSame(again, before)
  t.match(after, { code: 0, output: 'The schema is up to date.\n' })
})

t.test('the service says in one sentence why it cannot start', async (t) => {
  const port = await occupyPort(t)
  const { url } = await createDatabase(t)
  const start = (environment: NodeJS.ProcessEnv) =>
    runService(t, { DATABASE_URL: url, PORT: '0', ...environment })

  const portTaken = await start({ PORT: port })
  const metricsPortTaken = await start({ METRICS_PORT: port })
  const samePort = await start({ PORT: '6789', METRICS_PORT: '6789' })
  const noHost = await start({ HOST: '192.0.2.1' })
  const noSecret = await start({ DATABASE_URL_FILE: '/nowhere/secret' })

  t.match(portTaken, { code: 1, stderr: new RegExp(`^PORT ${port} is in use on 127.0.0.1: [^\n]+\n$`) })
  t.match(metricsPortTaken, { code: 1, stderr: new RegExp(`^METRICS_PORT ${port} is in use [^\n]+\n$`) })
  t.match(samePort, { code: 1, stderr: /^METRICS_PORT and PORT are both 6789: [^\n]+\n$/ })
  t.match(noHost, { code: 1, stderr: /^HOST must be an address of this machine, not 192.0.2.1 [^\n]+\n$/ })
  t.match(noSecret, {
    code: 1,
    stderr: 'DATABASE_URL_FILE must be the path of a file that the service can read.\n',
  })
})

t.test('a dead DATABASE_URL is named in one sentence, without its password', async (t) => {
  // It accepts connections and never answers.
  const silent = createServer().listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const { url } = await createDatabase(t)
  const wrongPassword = Object.assign(new URL(url), { password: 'secret' }).href
  const dead = [
    'postgres://me:secret@127.0.0.1:1/none',
    `postgres://me:secret@127.0.0.1:${port}/none`,
    'postgres://me:secret@localhost:1/none',
    wrongPassword,
  ]

  for (const DATABASE_URL of dead) {
    const { code, stderr } = await runService(t, { DATABASE_URL, PORT: '0' })
    t.equal(code, 1)
    t.match(stderr, /^DATABASE_URL: cannot connect as \w+ to the database \w+ at [^\n]+: \S[^\n]+\n$/)
    t.notMatch(stderr, /secret/)
  }
  const owner = await runMigration(url, 'postgres://me@127.0.0.1:1/none')
  t.match(owner, { code: 1, stderr: /^DATABASE_OWNER_URL: cannot connect as me [^\n]+ECONNREFUSED[^\n]+\n$/ })
})

t.test('a start without a database and without migration logs the reason without a stack', async (t) => {
  const DATABASE_URL = 'postgres://nobody@127.0.0.1:1/none'

  const warnings = await startAndEnd(t, { DATABASE_URL, MIGRATE_ON_START: 'off' })

  t.match(warnings, [/^not ready: the database of DATABASE_URL does not answer/])
})

t.test('the port is tried before the embedded PostgreSQL starts', async (t) => {
  const folder = t.testdir()

  const { code, stderr } = await runService(t, { PORT: await occupyPort(t), DATA_DIR: `${folder}/data` })

  t.match({ code, stderr }, { code: 1, stderr: /^PORT \d+ is in use/ })
  t.strictSame(await readdir(folder), [])
})

t.test('a DATA_DIR that cannot be written is named in one sentence', async (t) => {
  const folder = t.testdir({ file: '' })

  for (const DATA_DIR of [`${folder}/file`, '/proc/data', '/dev/null/data']) {
    const { code, stderr } = await runService(t, { PORT: '0', DATA_DIR })
    t.equal(code, 1)
    t.match(stderr, /^DATA_DIR must be a folder that can be written, and \S+ is not: [^\n]+\n$/)
  }
})

t.test('a DATA_DIR that does not answer is named in one sentence', async (t) => {
  const folder = await mountSilentDrive(t)
  if (folder === undefined) {
    t.comment('skipped: this user cannot mount a drive')
    return
  }

  const { code, stderr } = await runService(t, { PORT: '0', DATA_DIR: `${folder}/data` })

  t.equal(code, 1)
  t.match(stderr, /^DATA_DIR: \S+ does not answer within 5 s\. [^\n]+\n$/)
})

t.test(
  'the log is lines for people on a terminal, and JSON elsewhere',
  { skip: spawnSync('script', ['--version']).status !== 0 && 'script is not installed' },
  async (t) => {
    const { ownerUrl } = await createDatabase(t)
    await query(ownerUrl, `insert into calendar (time_zone) values ('Europe/Berlin')`)
    // It logs that the owner can change the schema, and ends because of the time zone.
    const env = { PATH: process.env['PATH'], LOG_LEVEL: 'warn', PORT: '0', DATABASE_URL: ownerUrl }
    const read = async (program: string, args: readonly string[]) =>
      text(spawn(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'] }).stdout)
    const command = `${process.execPath} src/bin/serve.ts`

    const terminal = stripVTControlCharacters(await read('script', ['-qec', command, '/dev/null']))
    const pipe = await read('sh', ['-c', command])

    t.match(terminal, /^\d\d:\d\d:\d\d WARN {2}the role of DATABASE_URL can change the schema/)
    t.match(JSON.parse(pipe), { level: 40, msg: /^the role of DATABASE_URL can change the schema/ })
  },
)

t.test(
  'the service does not start in another time zone than the stored one, and says what to do',
  async (t) => {
    const { url, ownerUrl } = await createDatabase(t)
    await query(ownerUrl, `insert into calendar (time_zone) values ('Europe/Berlin')`)

    const other = await runService(t, { DATABASE_URL: url, TIME_ZONE: 'Europe/Paris' })
    const unknown = await runService(t, { DATABASE_URL: url, TIME_ZONE: 'Europe/Bonn' })
    const { base } = await startService(t, { DATABASE_URL: url, TIME_ZONE: 'Europe/Berlin' })

    t.match(other, { code: 1, stderr: /^TIME_ZONE is Europe\/Paris, but [^\n]+`npm run rezone`[^\n]+\n$/ })
    t.match(unknown, {
      code: 1,
      stderr: /TIME_ZONE must be an IANA time zone, such as Europe\/Berlin or UTC/,
    })
    t.match(await fetchStatus(`${base}/health`), { statusCode: 200 })
  },
)

async function makeKey(url: string): Promise<string> {
  const db = connect({ url, max: 1, log: quietLog })
  const { key } = await issueKey(db, { name: 'test', scopes: ['read'] })
  await db.destroy()
  return key
}

/** Mounts a drive on which no call returns before it is unmounted. Undefined if this user may not do that. */
async function mountSilentDrive(t: Test): Promise<string | undefined> {
  const device = await open('/dev/fuse', 'r+').catch(() => undefined)
  if (device === undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'silent-drive-'))
  t.teardown(async () => {
    spawnSync('umount', ['--lazy', folder])
    await device.close()
    await rmdir(folder)
  })
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0'
  const { status } = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'silent', folder], {
    stdio: ['ignore', 'ignore', 'ignore', device.fd],
  })
  return status === 0 ? folder : undefined
}

/** Listens on a port and returns its number. */
async function occupyPort(t: Test): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return String((server.address() as AddressInfo).port)
}

function spawnNode(t: Test, file: string, environment: NodeJS.ProcessEnv, args: readonly string[] = []) {
  const child = spawn(process.execPath, [file, ...args], {
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'silent', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

async function startService(t: Test, environment: NodeJS.ProcessEnv) {
  const DATABASE_URL = environment['DATABASE_URL'] ?? (await createDatabase(t)).url
  const child = spawnNode(t, 'src/bin/serve.ts', { PORT: '0', ...environment, DATABASE_URL })
  for await (const chunk of child.stdout) {
    const base = /^Listening on (\S+?),/m.exec(String(chunk))?.[1]
    if (base !== undefined) return { child, base }
  }
  throw new Error(`The service did not start: ${await text(child.stderr)}`)
}

async function runService(t: Test, environment: NodeJS.ProcessEnv) {
  const child = spawnNode(t, 'src/bin/serve.ts', environment)
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return { code: code as unknown, stderr }
}

/** The warnings of a start. */
async function startAndEnd(t: Test, environment: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const child = spawnNode(t, 'src/bin/serve.ts', { PORT: '0', LOG_LEVEL: 'warn', ...environment })
  let output = ''
  for await (const chunk of child.stdout) {
    output += String(chunk)
    if (output.includes('Listening on')) child.kill('SIGTERM')
  }
  return output
    .split('\n')
    .filter((line) => line.startsWith('{"level":40'))
    .map((line) => (JSON.parse(line) as { msg: string }).msg)
}

async function runMigration(DATABASE_URL: string, DATABASE_OWNER_URL?: string, args: readonly string[] = []) {
  const child = spawnNode(t, 'src/bin/migrate.ts', { DATABASE_URL, DATABASE_OWNER_URL }, args)
  const [output, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { code: code as unknown, output, stderr }
}

async function fetchStatus(url: string) {
  const [response] = (await once(get(url, { agent }), 'response')) as [IncomingMessage]
  const { statusCode, headers } = response
  await text(response)
  return { statusCode, headers }
}

/** Polls `/ready` until it answers with this status: the service asks the database once a second at most. */
async function untilReady(base: string, statusCode: 200 | 503) {
  for (;;) {
    const answer = await fetchStatus(`${base}/ready`)
    if (answer.statusCode === statusCode) return answer
  }
}

async function query(connectionString: string, statement: string): Promise<void> {
  const pool = new Pool({ connectionString, max: 1 })
  await pool.query(statement)
  await pool.end()
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Pool } from 'pg'
import t, { type Test } from 'tap'
import { createDatabase } from '../support/database.ts'

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

t.test('the service says in one sentence why it cannot start', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { url } = await createDatabase(t)

  const portTaken = await runService(t, { DATABASE_URL: url, PORT: String(port) })
  const metricsPortTaken = await runService(t, { DATABASE_URL: url, PORT: '0', METRICS_PORT: String(port) })
  const noDatabase = await runService(t, { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
  const noSecret = await runService(t, { DATABASE_URL_FILE: '/nowhere/secret' })

  t.match(portTaken, { code: 1, stderr: /^listen EADDRINUSE[^\n]+\n$/ })
  t.match(metricsPortTaken, { code: 1, stderr: /^listen EADDRINUSE[^\n]+\n$/ })
  t.match(noDatabase, { code: 1, stderr: /ECONNREFUSED/ })
  t.match(noSecret, { code: 1, stderr: /^ENOENT[^\n]+'\/nowhere\/secret'\n$/ })
})

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

function spawnNode(t: Test, file: string, environment: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [file], {
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

async function runMigration(DATABASE_URL: string, DATABASE_OWNER_URL?: string) {
  const child = spawnNode(t, 'src/bin/migrate.ts', { DATABASE_URL, DATABASE_OWNER_URL })
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

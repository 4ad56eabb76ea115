import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { startEmbedded } from '../../src/postgres/embedded.ts'
import { migrateAsOwner } from '../../src/database/open.ts'
import { makeHostile } from './hostile-defaults.ts'

interface Server {
  /** Connects as the owner. */
  readonly url: string
  stop(): Promise<unknown>
}

const image = 'postgres:17'
// Test data need not survive a crash.
const settings = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off', 'max_connections=200']
const template = `test_template_${process.pid}`
const role = `test_service_${process.pid}`
const results = `.tap/results-${process.pid}.tap`

// After an interruption this process still has to stop the server.
const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interruption.abort())

const server = await findServer()
try {
  const serviceUrl = await createTemplate(server.url)
  await ensureTapIsBuilt()
  const reporter = process.stdout.isTTY ? 'base' : 'min'
  const environment = {
    TEST_DATABASE_URL: server.url,
    TEST_SERVICE_URL: serviceUrl,
    TEST_TEMPLATE: template,
    TMPDIR: await findFastFolder(),
  }
  const code = await tap(
    [`--reporter=${reporter}`, `--output-file=${results}`, ...process.argv.slice(2)],
    environment,
  )
  process.exitCode = (await report()) ? code : code || 1
} finally {
  await rm(results, { force: true })
  await server.stop()
}

async function findServer(): Promise<Server> {
  const url = process.env['TEST_DATABASE_URL']
  if (url !== undefined) return { url, stop: () => dropTemplate(url) }
  try {
    return await startContainer()
  } catch (error) {
    console.log(`Testing with the embedded PostgreSQL, without a container: ${(error as Error).message}`)
    return startTemporary()
  }
}

async function startContainer(): Promise<Server> {
  const { getContainerRuntimeClient, ImageName } = await import('testcontainers')
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql')
  const engine = await getContainerRuntimeClient()
  const tooSlow = new AbortController()
  const limit = setTimeout(60_000, undefined, tooSlow).then(() => {
    throw new Error(`${image} could not be pulled within a minute`)
  })
  await Promise.race([engine.image.pull(ImageName.fromString(image)), limit]).finally(() => tooSlow.abort())
  const container = await new PostgreSqlContainer(image)
    .withTmpFs({ '/var/lib/postgresql/data': 'rw' })
    .withCommand(['postgres', ...settings.flatMap((setting) => ['-c', setting])])
    .withStartupTimeout(30_000)
    .start()
  return { url: container.getConnectionUri(), stop: () => container.stop() }
}

async function startTemporary(): Promise<Server> {
  const dataDir = await mkdtemp(join(await findFastFolder(), 'partner-attribution-test-'))
  const embedded = await startEmbedded({ dataDir, log: () => {}, settings })
  return {
    url: embedded.ownerUrl,
    stop: () => embedded.stop().then(() => rm(dataDir, { recursive: true, force: true })),
  }
}

/** A folder in memory if possible: it halves the time to create and clone a database. */
async function findFastFolder(): Promise<string> {
  const memory = '/dev/shm'
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }))
  return bavail * bsize > 4e9 ? memory : tmpdir()
}

/** Creates the template of the test databases. Returns its URL for the role of the service. */
async function createTemplate(serverUrl: string): Promise<string> {
  await query(serverUrl, `create database ${template}`)
  const url = new URL(serverUrl)
  url.pathname = template
  const serviceUrl = new URL(url)
  serviceUrl.username = role
  serviceUrl.password = randomBytes(24).toString('hex')
  await migrateAsOwner(url.href, serviceUrl.href, console)
  await query(serverUrl, makeHostile(role))
  return serviceUrl.href
}

async function dropTemplate(serverUrl: string): Promise<void> {
  await query(serverUrl, `drop database if exists ${template}`)
  // A killed test leaves its database behind, and with it the grants of the role.
  await query(serverUrl, `drop role if exists ${role}`).catch((error: Error) => console.log(error.message))
}

async function query(connectionString: string, sql: string): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** tap generates its test class from its plugins. After an install the class has all plugins. */
async function ensureTapIsBuilt(): Promise<void> {
  const generated = await readFile('node_modules/@tapjs/test/test-built/dist/esm/index.js', 'utf8')
  if (generated.includes('@tapjs/typescript')) await tap(['build'])
}

async function tap(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  if (interruption.signal.aborted) return 1
  const child = spawn(process.execPath, ['node_modules/tap/dist/esm/run.mjs', ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  })
  interruption.signal.addEventListener('abort', () => child.kill('SIGINT'), { once: true })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** Prints tap's totals as the last line. Returns false when no test has passed. */
async function report(): Promise<boolean> {
  const totals = existsSync(results)
    ? ((await readFile(results, 'utf8')).match(/^# \{ total: .*\}$/gm)?.at(-1) ?? '')
    : ''
  const count = (word: string) => Number(new RegExp(`\\b${word}: (\\d+)`).exec(totals)?.[1] ?? 0)
  const skipped = count('skip') + count('todo')
  console.log(
    `\n${count('pass')} passed, ${count('fail')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  )
  return count('pass') > 0
}

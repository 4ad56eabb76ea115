import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import { migrateAsOwner } from '../../src/database/open-database.ts'
import { startEmbedded } from '../../src/postgres/embedded.ts'
import { makeHostile } from './hostile-defaults.ts'
import { quietLog } from './log.ts'

/** The PostgreSQL of a test run, with a template of the test databases. */
export interface TestServer {
  readonly ownerUrl: string
  /** Connects to the template as the role of the service. */
  readonly serviceUrl: string
  readonly template: string
}

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

/** Uses TEST_DATABASE_URL, else starts a container, else the embedded server. `opened` stops what was started. */
export async function startTestServer(opened: AsyncDisposableStack): Promise<TestServer> {
  const server = await findServer()
  opened.defer(async () => void (await server.stop()))
  return { ownerUrl: server.url, serviceUrl: await createTemplate(server.url), template }
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
export async function findFastFolder(): Promise<string> {
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
  await migrateAsOwner(url.href, serviceUrl.href, quietLog)
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

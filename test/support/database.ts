import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { Pool } from 'pg'
import type { Test } from 'tap'
import { connect } from '../../src/database/connect.ts'
import type { Database } from '../../src/database/tables.ts'
import { quietLog } from './log.ts'
import type { TestServer } from './postgres-server.ts'

interface TestDatabase {
  /** Connects as the role of the service, which owns nothing and has hostile defaults. */
  readonly url: string
  readonly ownerUrl: string
  readonly name: string
}

/** Creates a database with the newest schema and no rows, and drops it after the test. */
export async function createDatabase(t: Test): Promise<TestDatabase> {
  const { serviceUrl, ownerUrl, template, admin } = await connectToServer()
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await admin.query(`create database ${name} template ${template}`)
  t.teardown(() => admin.query(`drop database ${name} with (force)`))
  const database = { url: renameDatabase(serviceUrl, name), ownerUrl: renameDatabase(ownerUrl, name), name }
  ownerUrls.set(database.url, database.ownerUrl)
  return database
}

/** Connects to a test's database as its owner, for statements that the role of the service may not run. */
export function connectAsOwner(t: Test, serviceUrl: string): Kysely<Database> {
  const url = ownerUrls.get(serviceUrl)
  if (url === undefined) throw new Error('createDatabase has not created this database.')
  const owner = connect({ url, max: 2, log: quietLog })
  t.teardown(() => owner.destroy())
  return owner
}

function renameDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: name }).href
}

interface Connected extends TestServer {
  readonly admin: Pool
}

const ownerUrls = new Map<string, string>()
let connected: Promise<Connected> | undefined

function connectToServer(): Promise<Connected> {
  return (connected ??= askForServer())
}

/** Asks `run.ts`, which starts the server at the first question of a run. */
async function askForServer(): Promise<Connected> {
  const url = process.env['TEST_SERVER']
  if (url === undefined)
    throw new Error(`There is no database server to test with. Run: npm test -- ${process.argv[1]}`)
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(await answer.text())
  const server = (await answer.json()) as TestServer
  return { ...server, admin: new Pool({ connectionString: server.ownerUrl, max: 1, allowExitOnIdle: true }) }
}

import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { Pool } from 'pg'
import type { Test } from 'tap'
import { connect } from '../../src/database/connect.ts'
import type { Database } from '../../src/database/tables.ts'

interface TestDatabase {
  /** Connects as the role of the service, which owns nothing and has hostile defaults. */
  readonly url: string
  readonly ownerUrl: string
  readonly name: string
}

const quiet = { error: () => {}, debug: () => {} }

/** Creates a database with the newest schema and no rows, and drops it after the test. */
export async function createDatabase(t: Test): Promise<TestDatabase> {
  const { serviceUrl, ownerUrl, template, admin } = connectToServer()
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await admin.query(`create database ${name} template ${template}`)
  t.teardown(() => admin.query(`drop database ${name} with (force)`))
  return { url: renameDatabase(serviceUrl, name), ownerUrl: renameDatabase(ownerUrl, name), name }
}

/** Connects to a test's database as its owner, for what the service's role may not do. */
export function connectAsOwner(t: Test, serviceUrl: string): Kysely<Database> {
  const name = new URL(serviceUrl).pathname
  const owner = connect({ url: renameDatabase(connectToServer().ownerUrl, name), max: 2, log: quiet })
  t.teardown(() => owner.destroy())
  return owner
}

function renameDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: name }).href
}

interface Server {
  readonly ownerUrl: string
  readonly serviceUrl: string
  readonly template: string
  readonly admin: Pool
}

let server: Server | undefined

function connectToServer(): Server {
  const { TEST_DATABASE_URL: ownerUrl, TEST_SERVICE_URL: serviceUrl, TEST_TEMPLATE: template } = process.env
  if (ownerUrl === undefined || serviceUrl === undefined || template === undefined) {
    throw new Error(`There is no database server to test with. Run: npm test -- ${process.argv[1]}`)
  }
  return (server ??= {
    ownerUrl,
    serviceUrl,
    template,
    admin: new Pool({ connectionString: ownerUrl, max: 1, allowExitOnIdle: true }),
  })
}

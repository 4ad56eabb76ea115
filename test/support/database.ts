import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import type { Test } from 'tap'

/** A database of the test's own, with the newest schema and no rows; it is gone when the test is over. */
export async function createDatabase(t: Test): Promise<{ url: string; name: string }> {
  const { url: serverUrl, template, admin } = connectToServer()
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await admin.query(`create database ${name} template ${template}`)
  t.teardown(() => admin.query(`drop database ${name} with (force)`))
  const url = new URL(serverUrl)
  url.pathname = name
  return { url: url.href, name }
}

let server: { url: string; template: string; admin: Pool } | undefined

function connectToServer() {
  const { TEST_DATABASE_URL: url, TEST_TEMPLATE: template } = process.env
  if (url === undefined || template === undefined) {
    throw new Error(`There is no database server to test with. Run: npm test -- ${process.argv[1]}`)
  }
  return (server ??= {
    url,
    template,
    admin: new Pool({ connectionString: url, max: 1, allowExitOnIdle: true }),
  })
}

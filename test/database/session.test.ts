import { readFile } from 'node:fs/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { Pool } from 'pg'
import t, { type Test } from 'tap'
import { connect } from '../../src/database/connect.ts'
import { findLostSettings, sessionSettings } from '../../src/database/session.ts'
import { connectAsOwner, createDatabase } from '../support/database.ts'
import { hostileDefaults } from '../support/hostile-defaults.ts'
import { quietLog } from '../support/log.ts'

async function showSettings(url: string) {
  const db = connect({ url, max: 1, log: quietLog })
  try {
    const { rows } = await sql<{ name: string; value: string; reset: string }>`
      select name, current_setting(name) as value, reset_val as reset from pg_settings`.execute(db)
    return {
      settings: new Map(rows.map(({ name, value }) => [name, value])),
      lost: await findLostSettings(db),
    }
  } finally {
    await db.destroy()
  }
}

t.test('a connection has the session settings, whatever the defaults of its role', async (t) => {
  const { url } = await createDatabase(t)

  const { settings, lost } = await showSettings(url)

  for (const [name, value] of Object.entries(sessionSettings)) {
    t.equal(settings.get(name), value, name)
    if (name !== 'jit') t.not(hostileDefaults[name], value, `the tests' role has another default of ${name}`)
  }
  t.equal(settings.get('client_encoding'), 'UTF8')
  t.strictSame(lost, [])
})

t.test('options of the URL are kept but cannot override the session settings', async (t) => {
  const { url } = await createDatabase(t)
  const options = encodeURIComponent(String.raw`-c geqo=off -c DateStyle=SQL,\ DMY`)

  const { settings } = await showSettings(`${url}?options=${options}`)

  t.equal(settings.get('geqo'), 'off')
  t.equal(settings.get('DateStyle'), 'ISO, MDY')
})

t.test('a statement_timeout in the URL wins, and findLostSettings reports it', async (t) => {
  const { url } = await createDatabase(t)

  const { settings, lost } = await showSettings(`${url}?statement_timeout=60000`)

  t.equal(settings.get('statement_timeout'), '1min')
  t.strictSame(lost, ['statement_timeout'])
})

t.test(
  'the statements of docs/operations.md set all session settings for a role behind a pooler',
  async (t) => {
    const { url, name } = await createDatabase(t)
    const owner = connectAsOwner(t, url)
    const role = `pooled_${name}`
    const statements = await readStatements()
    await sql
      .raw(`create role ${role} login password 'secret'; alter role ${role} set DateStyle = 'German'`)
      .execute(owner)
    t.teardown(() => sql.raw(`drop role ${role}`).execute(owner))
    const pooled = openPlain(t, Object.assign(new URL(url), { username: role, password: 'secret' }).href)
    const before = await findLostSettings(pooled)

    await sql.raw(statements.join('').replaceAll('role service', `role ${role}`)).execute(owner)
    const after = await findLostSettings(pooled)

    t.equal(statements.length, Object.keys(sessionSettings).length)
    t.ok(before.includes('DateStyle'))
    t.strictSame(after, [])
  },
)

async function readStatements(): Promise<readonly string[]> {
  const [, section = ''] = (await readFile('docs/operations.md', 'utf8')).split('## PgBouncer')
  return section.match(/^alter role service set .*;$/gm) ?? []
}

/** Connects like a pooler: a new connection for each use, without the session settings. */
function openPlain(t: Test, connectionString: string): Kysely<unknown> {
  const pool = new Pool({ connectionString, max: 1, maxUses: 1 })
  // The last connection may still be closing when the database is dropped.
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  t.teardown(() => db.destroy())
  return db
}

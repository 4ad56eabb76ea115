import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import { findLiveKey, listKeys } from '../../src/api-keys/queries.ts'
import { scopes } from '../../src/api-keys/schemas.ts'
import { adviseOnKeys, closeFile, makeFirstKey } from '../../src/bin/first-key.ts'
import { connect } from '../../src/database/connect.ts'
import { hashApiKey } from '../../src/http/api-key.ts'
import { createDatabase } from '../support/database.ts'
import { runCommand } from './processes.ts'
import { quietLog } from '../support/log.ts'
import { end } from '../support/child-processes.ts'

const program = fileURLToPath(new URL('../../src/bin/serve.ts', import.meta.url))
const modeOf = async (file: string) => (await stat(file)).mode & 0o777
const keyIn = async (file: string) => /^API_KEY=(sk_\S+)\n$/.exec(await readFile(file, 'utf8'))?.[1] ?? ''

/** A database without keys, and a working folder that contains a data folder. */
async function givenNewDatabase(t: Test) {
  const { url } = await createDatabase(t)
  const db = connect({ url, max: 4, log: quietLog })
  t.teardown(() => db.destroy())
  const folder = t.testdir({ data: {} })
  process.chdir(folder)
  t.teardown(() => process.chdir(fileURLToPath(new URL('../../', import.meta.url))))
  const printed = t.capture(console, 'log', () => {})
  const isLive = async (key: string) => (await findLiveKey(db, hashApiKey(key) as Buffer)) !== undefined
  return { db, printed, isLive, dataDir: join(folder, 'data'), file: join(folder, 'data', 'first-key.env') }
}

t.test('the first key has all scopes and is written to the data folder and to .env.local', async (t) => {
  const { db, printed, dataDir, file } = await givenNewDatabase(t)

  await makeFirstKey(db, dataDir)
  await makeFirstKey(db, dataDir)

  const key = await keyIn(file)
  t.match(await listKeys(db), [{ scopes: [...scopes], rate_limit_max: 100_000, expires_at: null }])
  t.match(await findLiveKey(db, hashApiKey(key) as Buffer), { name: 'first admin key' })
  t.strictSame(
    [await keyIn('.env.local'), await modeOf('.env.local'), await modeOf(file)],
    [key, 0o600, 0o600],
  )
  t.strictSame(await readdir(dataDir), ['first-key.env'])
  t.match(printed.args().map(String), [new RegExp(`stored in .env.local and ${file}: ${key}$`)])
  const audit = await db.selectFrom('audit').selectAll().execute()
  t.match(audit, [{ actor: 'service', key_id: null, action: 'api_key.created' }])
})

t.test('makeFirstKey does not change the .env.local of another database', async (t) => {
  const { db, printed, isLive, dataDir, file } = await givenNewDatabase(t)
  await writeFile('.env.local', 'API_KEY=sk_of_another\nOTHER=1\n')

  await makeFirstKey(db, dataDir)

  t.equal(await readFile('.env.local', 'utf8'), 'API_KEY=sk_of_another\nOTHER=1\n')
  t.ok(await isLive(await keyIn(file)))
  t.match(printed.args().map(String), [/stored in \/\S+first-key\.env: sk_/])
})

t.test('makeFirstKey creates no key when it cannot write the file', async (t) => {
  const { db, printed, dataDir, file } = await givenNewDatabase(t)
  await mkdir(join(file, 'in-the-way'), { recursive: true })

  await t.rejects(makeFirstKey(db, dataDir), {
    message: `The first API key cannot be written to ${file}, so no key was created:`,
    cause: { code: /EISDIR|ENOTEMPTY|EEXIST/ },
  })

  t.strictSame(await listKeys(db), [])
  t.strictSame(await readdir(dataDir), ['first-key.env'])
  t.strictSame([printed().length, await readdir('.')], [0, ['data']])
})

t.test('makeFirstKey replaces the file of a start that was killed before it committed', async (t) => {
  const { db, isLive, dataDir, file } = await givenNewDatabase(t)
  await writeFile(file, 'API_KEY=sk_never_committed\n', { mode: 0o600 })

  await makeFirstKey(db, dataDir)

  t.ok(await isLive(await keyIn(file)))
  t.equal(await keyIn('.env.local'), await keyIn(file))
})

t.test('concurrent starts create one key', async (t) => {
  const { db, isLive, dataDir, file } = await givenNewDatabase(t)

  await Promise.all([1, 2, 3].map(() => makeFirstKey(db, dataDir)))

  t.equal((await listKeys(db)).length, 1)
  t.ok(await isLive(await keyIn(file)))
})

t.test('adviseOnKeys says how to create a key when no key works', async (t) => {
  const { db } = await givenNewDatabase(t)

  const before = await adviseOnKeys(db)
  const { id } = await issueKey(db, { name: 'given', scopes: ['admin'] })
  const between = await adviseOnKeys(db)
  await db
    .updateTable('api_keys')
    .set({ revoked_at: new Date().toISOString() })
    .where('id', '=', id)
    .execute()
  const after = await adviseOnKeys(db)

  t.match(
    before,
    /^This database has no valid API key\. Create one: npm run keys -- create --scopes admin,payouts:read,[^\n]+$/,
  )
  t.strictSame([between, after], [undefined, before])
})

t.test('closeFile makes a file of secrets private', async (t) => {
  const folder = t.testdir({ secrets: 'API_KEY=sk_x\n', folder: {} })

  for (const name of ['secrets', 'folder', 'none']) await closeFile(join(folder, name))

  t.strictSame([await modeOf(join(folder, 'secrets')), await readdir(folder)], [0o600, ['folder', 'secrets']])
  t.not(await modeOf(join(folder, 'folder')), 0o600)
})

t.test('a service with the embedded database creates a key that the commands find', async (t) => {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'first-key-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, '.env.local'), 'OTHER=1\n', { mode: 0o644 })
  await writeFile(
    join(folder, 'partners.ndjson'),
    '{"kind": "partner", "id": "p1", "name": "A", "email": "a@example.com"}\n',
  )

  const first = await startService(t, folder)
  const imported = await runCommand('src/bin/import.ts', ['partners.ndjson', '--url', first.url], {
    folder,
    env: { ...own, API_KEY: '', INIT_CWD: folder },
  })
  await first.stop()
  const second = await startService(t, folder)
  await second.stop()

  t.match(first.lines, [
    /^Your admin key, shown only once and stored in data\/first-key\.env: sk_/,
    /^Listening on/,
  ])
  t.match(second.lines, [/^Listening on/])
  t.match(imported, { code: 0, stdout: /partner +1 +0 +0/ })
  t.equal(await modeOf(join(folder, '.env.local')), 0o600)
})

t.test('a start with DATABASE_URL and no keys says how to create one', async (t) => {
  const { url } = await createDatabase(t)
  const folder = t.testdir()

  const service = await startService(t, folder, { DATABASE_URL: url })
  await service.stop()

  t.match(service.lines, [/^This database has no valid API key\. Create one: npm run keys/, /^Listening on/])
  t.strictSame(await readdir(folder), [])
})

const own = { DATABASE_URL: '', DATA_DIR: './data', METRICS_PORT: '', LOG_LEVEL: 'silent' }

/** The service as `npm start` runs it in a folder; `lines` are what it prints until it listens. */
async function startService(t: Test, folder: string, environment: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, ...own, PORT: '0', ...environment }
  const child = spawn(process.execPath, [program], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
  // Not SIGKILL: the service must stop its PostgreSQL.
  const stop = () => end(child, 'SIGTERM')
  t.teardown(stop)
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    const [, url] = /^Listening on (\S+?),/.exec(line) ?? []
    if (url !== undefined) return { lines, url, stop }
  }
  throw new Error(`The service did not start: ${lines.join('\n')}`)
}

import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'

const migration = `
import { sql } from 'kysely'

export async function up(db) {
  await sql\`alter table partners add column website text\`.execute(db)
}
`

t.test('the check passes when docs/schema.sql matches the migrations', async (t) => {
  const copy = await copyRepository(t)

  t.strictSame(await schema(copy, '--check'), { code: 0, text: '' })
})

t.test('the check fails after a new migration until npm run schema', async (t) => {
  const copy = await copyRepository(t)
  await writeFile(join(copy, 'migrations/29990101T0000_add_website.ts'), migration)

  const before = await schema(copy, '--check')
  await schema(copy)
  const after = await schema(copy, '--check')

  t.match(before, {
    code: 1,
    text: /^docs\/schema\.sql is not what the migrations make: run npm run schema\.$/m,
  })
  t.equal(after.code, 0)
  t.match(await readFile(join(copy, 'docs/schema.sql'), 'utf8'), /^ {2}website text,$/m)
})

t.test('the check fails when docs/schema.sql was edited by hand', async (t) => {
  const copy = await copyRepository(t)
  const file = join(copy, 'docs/schema.sql')
  await writeFile(file, (await readFile(file, 'utf8')).replace('amount_minor bigint', 'amount_minor numeric'))

  t.match(await schema(copy, '--check'), { code: 1, text: /run npm run schema/ })
})

async function copyRepository(t: Test): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'partner-attribution-schema-test-'))
  t.teardown(() => rm(copy, { recursive: true }))
  await mkdir(join(copy, 'docs'))
  for (const part of ['src', 'migrations', 'tools', 'docs/schema.sql', 'package.json']) {
    await cp(part, join(copy, part), { recursive: true })
  }
  await symlink(resolve('node_modules'), join(copy, 'node_modules'))
  return copy
}

function schema(cwd: string, ...args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, ['tools/schema.ts', ...args], { cwd }, (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, text: stdout + stderr }),
    )
  })
}

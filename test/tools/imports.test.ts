import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

interface Finding {
  readonly code: string
  readonly filename: string
}

/** Writes each file into a copy of the house and lints it. Returns the rules that each file breaks. */
async function lint(t: Test, files: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  // Outside the repository: oxlint skips what .gitignore names.
  const house = await mkdtemp(join(tmpdir(), 'house-'))
  t.teardown(() => rm(house, { recursive: true }))
  await writeFile(join(house, 'tsconfig.json'), '{}')
  await cp('src', join(house, 'src'), { recursive: true })
  await cp('oxlint.config.ts', join(house, 'oxlint.config.ts'))
  await symlink(resolve('node_modules'), join(house, 'node_modules'))
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(house, file)), { recursive: true })
    await writeFile(join(house, file), text)
  }
  // tap adds its loaders to NODE_OPTIONS, and oxlint fails with them.
  const node = ['-u', 'NODE_OPTIONS', process.execPath]
  const args = [...node, resolve('node_modules/oxlint/bin/oxlint'), '--format=json', ...Object.keys(files)]
  const { stdout } = await promisify(execFile)('env', args, { cwd: house }).catch(
    (error: Error & { stdout: string }) => error,
  )
  const { diagnostics } = JSON.parse(stdout) as { readonly diagnostics: readonly Finding[] }
  return Object.fromEntries(
    Object.keys(files).map((file) => [
      file,
      [...new Set(diagnostics.filter(({ filename }) => filename === file).map(({ code }) => code))],
    ]),
  )
}

function importing(path: string): string {
  return `import type * as planted from '${path}'\nexport type Planted = typeof planted\n`
}

const restricted = 'eslint(no-restricted-imports)'
const breaches: readonly (readonly [file: string, imported: string])[] = [
  ['src/attribution/planted.ts', '../values/money.ts'],
  ['src/attribution/planted-node.ts', 'node:fs'],
  ['src/attribution/planted-schemas.ts', '../deals/schemas.ts'],
  ['src/commission/planted.ts', '../values/money.ts'],
  ['src/commission/planted-engine.ts', '../attribution/attribute.ts'],
  ['src/attribution/planted-engine.ts', '../commission/plan.ts'],
  ['src/values/planted.ts', '../http/problems.ts'],
  ['src/values/planted-schemas.ts', '../deals/schemas.ts'],
  ['src/http/planted.ts', '../deals/schemas.ts'],
  ['src/http/planted-app.ts', '../app.ts'],
  ['src/database/planted.ts', '../deals/queries.ts'],
  ['src/database/planted-http.ts', '../http/log.ts'],
  ['src/database/planted-web.ts', 'fastify'],
  ['src/postgres/planted.ts', '../database/connect.ts'],
  ['src/record/planted.ts', '../deals/schemas.ts'],
  ['src/record/planted-web.ts', 'fastify'],
  ['src/record/planted-queries.ts', '../events/ingest.ts'],
  ['src/rollups/planted.ts', '../record/versions.ts'],
  ['src/import/planted.ts', '../events/queries.ts'],
  ['src/jobs/planted.ts', '../partners/routes.ts'],
  ['src/openapi/planted.ts', '../deals/queries.ts'],
  ['src/deals/planted-schemas.ts', './queries.ts'],
  ['src/deals/planted-kysely-schemas.ts', 'kysely'],
  ['src/deals/planted-database-schemas.ts', '../database/tables.ts'],
  ['src/deals/planted-queries.ts', './close.ts'],
  ['src/deals/planted-slice-queries.ts', '../events/ingest.ts'],
  ['src/deals/planted-web-queries.ts', 'fastify'],
  ['src/deals/planted-http-queries.ts', '../http/log.ts'],
  ['src/deals/planted.ts', './routes.ts'],
  ['src/deals/planted-slice.ts', '../events/ingest.ts'],
  ['src/deals/planted-routes.ts', '../events/routes.ts'],
  ['src/deals/planted-audit.ts', '../audit/routes.ts'],
  ['src/deals/planted-import-routes.ts', '../import/call.ts'],
  ['src/partners/planted-jobs.ts', '../jobs/run-jobs.ts'],
  ['src/partners/planted-openapi.ts', '../openapi/document.ts'],
  ['src/partners/planted-migration.ts', '../../migrations/20261122T1900_create_partners.ts'],
  ['src/bin/planted.ts', '../deals/routes.ts'],
  ['src/new-slice/planted.ts', '../deals/close.ts'],
  ['src/new-slice/inner/planted.ts', '../../deals/close.ts'],
  ['migrations/planted.ts', '../src/values/money.ts'],
  ['tools/planted.ts', '../src/bin/serve.ts'],
]

t.test('the linter refuses a planted import against the directions', async (t) => {
  const found = await lint(t, Object.fromEntries(breaches.map(([file, path]) => [file, importing(path)])))
  for (const [file, path] of breaches) t.strictSame(found[file], [restricted], `${file} imports ${path}`)
})

t.test('no folder of src imports a command', async (t) => {
  const folders = (await readdir('src', { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && entry.name !== 'bin')
    .map(({ name }) => name)
  const files = ['planted.ts', 'planted-routes.ts', 'planted-queries.ts', 'planted-schemas.ts']
  const planted = folders.flatMap((folder) => files.map((file) => `src/${folder}/${file}`))
  const found = await lint(
    t,
    Object.fromEntries(
      [...planted, 'src/app.ts'].map((file) => [
        file,
        importing(file === 'src/app.ts' ? './bin/keys.ts' : '../bin/keys.ts'),
      ]),
    ),
  )
  for (const [file, codes] of Object.entries(found)) t.strictSame(codes, [restricted], file)
})

t.test('the linter refuses a circle of types', async (t) => {
  const found = await lint(t, {
    'src/values/planted-one.ts': `import type { Two } from './planted-two.ts'\nexport type One = Two | 1\n`,
    'src/values/planted-two.ts': `import type { One } from './planted-one.ts'\nexport type Two = One[]\n`,
  })
  t.strictSame(found, {
    'src/values/planted-one.ts': ['import(no-cycle)'],
    'src/values/planted-two.ts': ['import(no-cycle)'],
  })
})

import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import manifest from '../../package.json' with { type: 'json' }

interface Mutation {
  readonly file: string
  readonly from: string
  readonly to: string
}

const routeAdded: Mutation = {
  file: 'src/http/health.ts',
  from: "app.get('/health'",
  to: "app.get('/alive'",
}
const schemaChanged: Mutation = {
  file: 'src/events/schemas.ts',
  from: 'Type.Optional(Metadata)',
  to: 'Metadata',
}
const exampleChanged: Mutation = {
  file: 'src/openapi/examples.json',
  from: 'alice@example.com',
  to: 'eve@example.com',
}
const codeChanged: Mutation = { file: 'src/errors.ts', from: "'deal_void'", to: "'void_deal'" }

for (const [what, mutation] of Object.entries({ routeAdded, schemaChanged, exampleChanged, codeChanged })) {
  t.test(`the check fails when the document differs from the code: ${what}`, async (t) => {
    const copy = await copyRepository(t)

    await mutate(copy, mutation)

    t.match(await openapi(copy, '--check'), { code: 1, text: /is not what the routes say/ })
  })
}

t.test('the check names breaking changes until the version and the changelog announce them', async (t) => {
  const copy = await copyRepository(t)
  await cp(join(copy, 'openapi/openapi.json'), join(copy, 'openapi/released.json'))
  await mutate(copy, { file: 'src/events/routes.ts', from: "'/events/batch'", to: "'/events/many'" })
  await openapi(copy)

  t.match(await openapi(copy, '--check'), { code: 1, text: /clients of [\d.]+:\n.*`?\/events\/batch`?/ })

  await mutate(copy, {
    file: 'package.json',
    from: `"version": "${manifest.version}"`,
    to: '"version": "0.99.0"',
  })
  await mutate(copy, { file: 'CHANGELOG.md', from: '\n## ', to: '\n## 0.99.0\n\n- Batches moved.\n\n## ' })
  await openapi(copy)
  t.match(await openapi(copy, '--check'), { code: 0 })
})

t.test('the check fails when the document breaks a rule of redocly.yaml', async (t) => {
  const copy = await copyRepository(t)
  await mutate(copy, { file: 'src/http/health.ts', from: "'getHealth'", to: "'Get_health'" })
  await openapi(copy)

  t.match(await openapi(copy, '--check'), { code: 1, text: /camel-case-operation-id/ })
})

async function copyRepository(t: Test): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'partner-attribution-openapi-'))
  t.teardown(() => rm(copy, { recursive: true }))
  for (const part of [
    'src',
    'tools',
    'migrations',
    'openapi',
    'package.json',
    'redocly.yaml',
    'CHANGELOG.md',
  ]) {
    await cp(part, join(copy, part), { recursive: true })
  }
  await symlink(resolve('node_modules'), join(copy, 'node_modules'))
  return copy
}

async function mutate(copy: string, { file, from, to }: Mutation): Promise<void> {
  const path = join(copy, file)
  const text = await readFile(path, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`)
  await writeFile(path, text.replace(from, to))
}

function openapi(cwd: string, ...args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, ['tools/openapi.ts', ...args], { cwd }, (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, text: stdout + stderr }),
    )
  })
}

import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { buildApp } from '../src/app.ts'
import { readEnvironment } from '../src/config.ts'
import { connect } from '../src/database/connect.ts'
import { command, runCommand } from '../src/bin/command.ts'
import { commandLog } from '../src/bin/environment.ts'
import { listBreakingChanges, redocly } from './redocly.ts'

const root = new URL('../', import.meta.url)
const folder = new URL('openapi/', root)
const current = new URL('openapi.json', folder)
const released = new URL('released.json', folder)

const openapi = command({
  does: 'Writes openapi/openapi.json and .yaml from the routes.',
  options: {
    check: { help: 'write nothing, and fail if the files are not current or break clients unannounced' },
    release: { help: 'keep the document as that of the last release, too' },
  },
  async run({ check, release }) {
    const documents = await makeDocuments()
    if (check) return checkDocuments(documents)
    await mkdir(folder, { recursive: true })
    for (const [name, text] of Object.entries(documents)) await writeFile(new URL(name, folder), text)
    if (release) await copyFile(current, released)
  },
})

async function makeDocuments() {
  // The pool opens no connection until a query asks for one, and none does here.
  const db = connect({ url: 'postgres://nobody@127.0.0.1:1/none', log: commandLog })
  const app = await buildApp({ ...readEnvironment({ DOCS: 'off' }), payoutKeys: new Map() }, db)
  await app.ready()
  const documents = {
    'openapi.json': `${JSON.stringify(app.swagger(), null, 2)}\n`,
    'openapi.yaml': app.swagger({ yaml: true }),
  }
  await app.close()
  await db.destroy()
  return documents
}

/** The documents are what the routes say, keep our rules, and break no client without saying so. */
async function checkDocuments(documents: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(documents)) {
    if ((await readFile(new URL(name, folder), 'utf8')) === text) continue
    throw new Error(`openapi/${name} is not what the routes say: run npm run openapi.`)
  }
  await redocly('lint', 'current')
  await checkPromises()
}

async function checkPromises(): Promise<void> {
  const breaking = await listBreakingChanges(fileURLToPath(released), fileURLToPath(current))
  if (breaking.length === 0) return
  const [before, now] = await Promise.all([readVersion(released), readVersion(current)])
  const changelog = await readFile(new URL('CHANGELOG.md', root), 'utf8')
  if (now !== before && changelog.includes(`\n## ${now}\n`)) return
  throw new Error(
    `This breaks clients of ${before}:\n${breaking.join('\n')}\n` +
      'Raise the version in package.json and say in CHANGELOG.md, under a heading of that version, what they must do.',
  )
}

async function readVersion(file: URL): Promise<string> {
  const { info } = JSON.parse(await readFile(file, 'utf8')) as { info: { version: string } }
  return info.version
}

await runCommand('npm run openapi', openapi)

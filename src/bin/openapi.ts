import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { buildApp } from '../app.ts'
import { readEnvironment } from '../config.ts'
import { connect } from '../database/connect.ts'
import { commandLog, run } from './environment.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const folder = new URL('../../openapi/', import.meta.url)

await run(async () => {
  // The pool opens no connection until a query asks for one, and none does here.
  const db = connect({ url: 'postgres://nobody@127.0.0.1:1/none', log: commandLog })
  const app = await buildApp({ ...readEnvironment({}), payoutKeys: new Map() }, db)
  await app.ready()
  const documents = {
    'openapi.json': `${JSON.stringify(app.swagger(), null, 2)}\n`,
    'openapi.yaml': app.swagger({ yaml: true }),
  }
  await app.close()
  await db.destroy()
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(documents)) {
    if (!values.check) await writeFile(new URL(name, folder), text)
    else if ((await readFile(new URL(name, folder), 'utf8')) !== text) {
      throw new Error(`openapi/${name} is not what the routes say: run npm run openapi.`)
    }
  }
})

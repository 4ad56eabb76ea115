import { parseArgs } from 'node:util'
import type { Kysely } from 'kysely'
import { endKey } from '../api-keys/change-key.ts'
import { issueKey, rotateKey } from '../api-keys/issue.ts'
import { listKeys } from '../api-keys/queries.ts'
import { type Scope, scopes } from '../api-keys/schemas.ts'
import { commandLine } from '../audit/actors.ts'
import { openDatabase } from '../database/open-database.ts'
import type { Database } from '../database/tables.ts'
import { parseInstant, toTimestamp } from '../values/instants.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

const usage = `Usage:
  npm run keys -- create [--name NAME] [--scopes admin] [--limit REQUESTS_A_WINDOW] [--expires INSTANT]
  npm run keys -- list
  npm run keys -- rotate ID [--overlap MINUTES]
  npm run keys -- revoke ID
Scopes, separated by commas: ${scopes.join(', ')}`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string', default: 'command line' },
    scopes: { type: 'string', default: 'admin' },
    limit: { type: 'string' },
    expires: { type: 'string' },
    overlap: { type: 'string', default: '60' },
  },
})
const [action = '', id = ''] = positionals

const commands: Readonly<Record<string, (trx: Kysely<Database>) => Promise<void>>> = {
  async create(trx) {
    const wanted = {
      name: values.name,
      scopes: values.scopes.split(',').map(readScope),
      rate_limit_max: values.limit === undefined ? null : readLimit(values.limit),
      expires_at: values.expires === undefined ? null : readExpiry(values.expires),
    }
    const key = await issueKey(trx, wanted, commandLine)
    console.error(`Key ${key.id} (${key.scopes.join(', ')}); it is shown only once:`)
    console.log(key.key)
  },
  async list(trx) {
    for (const { id, name, scopes, revoked_at, expires_at } of await listKeys(trx)) {
      const end =
        revoked_at === null ? (expires_at === null ? '' : `expires ${expires_at}`) : `revoked ${revoked_at}`
      console.log([id, name, scopes.join(','), end].join('\t'))
    }
  },
  async rotate(trx) {
    const key = await rotateKey(trx, {
      id,
      overlapMinutes: readWhole(values.overlap),
      actor: commandLine,
    })
    console.error(`Key ${key.id} replaces ${id}; it is shown only once:`)
    console.log(key.key)
  },
  async revoke(trx) {
    await endKey(trx, id, commandLine)
    console.error(`Key ${id} is revoked.`)
  },
}

function readScope(text: string): Scope {
  const scope = scopes.find((known) => known === text.trim())
  if (scope === undefined) throw new Error(`There is no scope ${text}.\n${usage}`)
  return scope
}

function readWhole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${text} is not a whole number.\n${usage}`)
  return Number(text)
}

function readLimit(text: string): number {
  const limit = readWhole(text)
  if (limit === 0) throw new Error('--limit must be above 0. To disable a key, revoke it.')
  return limit
}

function readExpiry(text: string): string {
  const at = parseInstant(text)?.at
  if (at === undefined || at <= Date.now())
    throw new Error('--expires must be an instant in the future, such as 2030-01-01T00:00:00Z.')
  return toTimestamp(at)
}

await run(async () => {
  const command = commands[action]
  if (command === undefined || (action !== 'create' && action !== 'list' && id === '')) throw new Error(usage)
  const database = await openDatabase(loadEnvironment(), commandLog)
  try {
    await database.migrate()
    await database.db.transaction().execute(command)
  } finally {
    await database.close()
  }
})

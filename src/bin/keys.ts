import type { Kysely } from 'kysely'
import { endKey } from '../api-keys/change-key.ts'
import { issueKey, rotateKey } from '../api-keys/issue.ts'
import { listKeys } from '../api-keys/queries.ts'
import { type Scope, scopes } from '../api-keys/schemas.ts'
import { commandLine } from '../audit/actors.ts'
import type { Database } from '../database/tables.ts'
import { formatTable } from '../import/format-table.ts'
import { parseInstant, toTimestamp } from '../values/instants.ts'
import { command, runOneOf } from './command.ts'
import { withDatabase } from './with-database.ts'

const scopeList = `one or more of ${scopes.join(', ')}, separated by commas`

const create = command({
  does: 'Creates an API key and prints it once.',
  options: {
    scopes: { value: 'SCOPES', isRequired: true, help: scopeList },
    name: { value: 'NAME', default: 'command line', help: 'what the key is for, up to 100 characters' },
    limit: { value: 'REQUESTS', help: 'requests in each RATE_LIMIT_WINDOW, instead of RATE_LIMIT_MAX' },
    expires: { value: 'INSTANT', help: 'when the key ends, such as 2030-01-01T00:00:00Z; never without it' },
  },
  async run({ scopes: list, name, limit, expires }) {
    const wanted = {
      name: readName(name),
      scopes: [...new Set(list.split(',').map(readScope))],
      rate_limit_max:
        limit === undefined
          ? null
          : readWhole(limit, { option: 'limit', minimum: 1, maximum: 1_000_000_000 }),
      expires_at: expires === undefined ? null : readExpiry(expires),
    }
    await inTransaction(async (trx) => {
      const { id, key } = await issueKey(trx, wanted, commandLine)
      console.error(`Key ${id} (${wanted.scopes.join(', ')}); it is shown only once:`)
      console.log(key)
    })
  },
})

const list = command({
  does: 'Lists all API keys, newest first. It cannot show the keys themselves.',
  run: () =>
    inTransaction(async (trx) => {
      const rows = (await listKeys(trx)).map((key) => [
        key.id,
        key.name,
        key.scopes.join(','),
        key.rate_limit_max ?? 'default',
        key.created_at,
        key.last_used_at ?? 'never',
        key.expires_at ?? 'never',
        key.revoked_at ?? '',
      ])
      const header = ['id', 'name', 'scopes', 'limit', 'created', 'last used', 'expires', 'revoked']
      console.log(rows.length === 0 ? 'There are no API keys.' : formatTable(header, rows))
    }),
})

const rotate = command({
  does: 'Replaces a key by a new one, and prints the new one once. The old one still works during the overlap.',
  arguments: ['ID'],
  options: { overlap: { value: 'MINUTES', default: '60', help: 'how long the old key still works' } },
  async run({ overlap }, id = '') {
    const overlapMinutes = readWhole(overlap, { option: 'overlap', minimum: 0, maximum: 43_200 })
    await inTransaction(async (trx) => {
      const key = await rotateKey(trx, { id, overlapMinutes, actor: commandLine })
      console.error(`Key ${key.id} replaces ${id}; it is shown only once:`)
      console.log(key.key)
    })
  },
})

const revoke = command({
  does: 'Revokes a key. It stops working within 5 s, everywhere.',
  arguments: ['ID'],
  run: (_, id = '') =>
    inTransaction(async (trx) => {
      await endKey(trx, id, commandLine)
      console.error(`Key ${id} is revoked.`)
    }),
})

function inTransaction(work: (trx: Kysely<Database>) => Promise<void>): Promise<void> {
  return withDatabase(({ db }) => db.transaction().execute(work))
}

function readScope(text: string): Scope {
  const scope = scopes.find((known) => known === text.trim())
  if (scope === undefined) throw new Error(`There is no scope '${text}': --scopes must be ${scopeList}.`)
  return scope
}

function readName(text: string): string {
  if (text.trim() === '' || text.length > 100) throw new Error('--name must have 1 to 100 characters.')
  return text
}

interface Whole {
  readonly option: string
  readonly minimum: number
  readonly maximum: number
}

function readWhole(text: string, { option, minimum, maximum }: Whole): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (number >= minimum && number <= maximum) return number
  throw new Error(`--${option} must be a whole number from ${minimum} to ${maximum}.`)
}

function readExpiry(text: string): string {
  const at = parseInstant(text)?.at
  if (at === undefined || at <= Date.now())
    throw new Error('--expires must be an instant in the future, such as 2030-01-01T00:00:00Z.')
  return toTimestamp(at)
}

await runOneOf('npm run keys', { create, list, rotate, revoke })

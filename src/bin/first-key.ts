import { randomBytes } from 'node:crypto'
import { chmod, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Kysely } from 'kysely'
import { issueKey } from '../api-keys/issue.ts'
import { probeKeys } from '../api-keys/queries.ts'
import { scopes } from '../api-keys/schemas.ts'
import { service } from '../audit/actors.ts'
import { lockApiKeys } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { firstKeyFile, localFile } from '../import/connection.ts'

const ownerOnly = 0o600

/**
 * Makes the first key of a database of our own, and says where it is kept. It is committed only after its file is written,
 * so that no key is lost: a start that is killed in between leaves a file whose key does not work, and the next replaces it.
 */
export async function makeFirstKey(db: Kysely<Database>, dataDir: string): Promise<void> {
  const file = firstKeyFile(dataDir)
  const key = await db.transaction().execute(async (trx) => {
    await lockApiKeys(trx)
    if ((await probeKeys(trx)).has_keys) return undefined
    const wanted = { name: 'first admin key', scopes: [...scopes], rate_limit_max: 100_000 }
    const made = await issueKey(trx, wanted, service)
    await writeDurably(file, `API_KEY=${made.key}\n`).catch((cause: unknown) => {
      throw new Error(`The first API key cannot be kept in ${file}, so none was made:`, { cause })
    })
    return made.key
  })
  if (key === undefined) return
  // Where it is another database's, or cannot be written, the file beside the data is enough.
  const isLeft = await writeFile(localFile, `API_KEY=${key}\n`, { mode: ownerOnly, flag: 'wx' }).then(
    () => true,
    () => false,
  )
  console.log(
    `Your admin key, shown this once and kept in ${isLeft ? `${localFile} and ` : ''}${file}: ${key}`,
  )
}

/** What to do where no key of the database works; undefined where one does. */
export async function adviseOnKeys(db: Kysely<Database>): Promise<string | undefined> {
  if ((await probeKeys(db)).has_live_keys) return undefined
  const create = `create --scopes ${scopes.filter((scope) => scope !== 'read' && scope !== 'write').join(',')}`
  return `No API key works on this database. Make one: npm run keys -- ${create} (in a container: node dist/src/bin/keys.js ${create})`
}

/** Takes a file of secrets, where there is one, from everybody but its owner. */
export async function closeFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() && (found.mode & 0o777) !== ownerOnly) await chmod(file, ownerOnly)
}

/** Writes a whole file or none, and returns when it will survive a power cut. */
async function writeDurably(file: string, text: string): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await using handle = await open(unfinished, 'wx', ownerOnly)
    await handle.writeFile(text)
    await handle.sync()
    await rename(unfinished, file)
    // Windows cannot open a folder to flush it.
    if (process.platform === 'win32') return
    await using folder = await open(dirname(file))
    await folder.sync()
  } finally {
    await rm(unfinished, { force: true })
  }
}

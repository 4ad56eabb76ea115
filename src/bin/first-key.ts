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
import { firstKeyFile, localFile } from '../import/service-access.ts'

const ownerOnly = 0o600

/**
 * Creates the first API key of the embedded database, writes it to a file and prints it. The key is committed after the file
 * is written, so that no key is lost. If the process is killed in between, the next start replaces the key in the file.
 */
export async function makeFirstKey(db: Kysely<Database>, dataDir: string): Promise<void> {
  const file = firstKeyFile(dataDir)
  const key = await db.transaction().execute(async (trx) => {
    await lockApiKeys(trx)
    if ((await probeKeys(trx)).has_keys) return undefined
    const wanted = { name: 'first admin key', scopes: [...scopes], rate_limit_max: 100_000 }
    const made = await issueKey(trx, wanted, service)
    await writeDurably(file, `API_KEY=${made.key}\n`).catch((cause: unknown) => {
      throw new Error(`The first API key cannot be written to ${file}, so no key was created:`, { cause })
    })
    return made.key
  })
  if (key === undefined) return
  // This second file may exist, with the key of another database, or not be writable. The file in the data folder is enough.
  const isWritten = await writeFile(localFile, `API_KEY=${key}\n`, { mode: ownerOnly, flag: 'wx' }).then(
    () => true,
    () => false,
  )
  console.log(
    `Your admin key, shown only once and stored in ${isWritten ? `${localFile} and ` : ''}${file}: ${key}`,
  )
}

/** How to create an API key if none of the database works; undefined if one does. */
export async function adviseOnKeys(db: Kysely<Database>): Promise<string | undefined> {
  if ((await probeKeys(db)).has_live_keys) return undefined
  const create = `create --scopes ${scopes.filter((scope) => scope !== 'read' && scope !== 'write').join(',')}`
  return `This database has no valid API key. Create one: npm run keys -- ${create} (in a container: node dist/src/bin/keys.js ${create})`
}

/** Makes a file of secrets, if it exists, readable only by its owner. */
export async function closeFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() && (found.mode & 0o777) !== ownerOnly) await chmod(file, ownerOnly)
}

/** Writes a file completely or not at all. Returns once it is on disk, so that it survives a power cut. */
async function writeDurably(file: string, text: string): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await using handle = await open(unfinished, 'wx', ownerOnly)
    await handle.writeFile(text)
    await handle.sync()
    await rename(unfinished, file)
    // Windows cannot open a folder to sync it.
    if (process.platform === 'win32') return
    await using folder = await open(dirname(file))
    await folder.sync()
  } finally {
    await rm(unfinished, { force: true })
  }
}

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../config.ts'
import { parsePayoutKeys, type PayoutKeys } from '../partners/vault.ts'

/** Reads the keys that encrypt payout details, newest first. The embedded database has a key file in its data folder. */
export async function readPayoutKeys(environment: Environment, isEmbedded: boolean): Promise<PayoutKeys> {
  const { PAYOUT_KEYS: keys, PAYOUT_KEYS_FILE: file, DATA_DIR: dataDir } = environment
  if (keys !== undefined) return parsePayoutKeys(keys)
  if (file !== undefined) return parsePayoutKeys(await readFile(file, 'utf8'))
  // Instances on another database must share the keys, so none may create its own.
  if (!isEmbedded) return new Map()
  const own = join(dataDir, 'payout-keys')
  if (!existsSync(own)) await writeFile(own, `own:${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
  return parsePayoutKeys(await readFile(own, 'utf8'))
}

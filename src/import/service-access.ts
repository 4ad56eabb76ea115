import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

/** The URL of the running service and an API key for it. */
export interface ServiceAccess {
  readonly url: string
  readonly key: string
}

interface AccessArguments {
  readonly url?: string | undefined
}

interface ServiceDefaults {
  readonly PORT: number
  readonly DATA_DIR: string
}

/** The file with the API key that the first start of a service writes to its working folder, unless the file exists. */
export const localFile = '.env.local'

/** The file with the first API key of an embedded database, in its data folder. */
export function firstKeyFile(dataDir: string): string {
  return join(dataDir, 'first-key.env')
}

/**
 * Reads the URL and the key: first the option (for the URL only), then the environment, then the files that the first start
 * of a service writes. Throws if there is no key.
 */
export function readServiceAccess(
  given: AccessArguments,
  env: NodeJS.ProcessEnv,
  defaults: ServiceDefaults,
): ServiceAccess {
  const local = readVariables(localFile)
  const url = given.url ?? (env['API_URL'] || local['API_URL'] || `http://127.0.0.1:${defaults.PORT}`)
  const key = env['API_KEY'] || local['API_KEY'] || readVariables(firstKeyFile(defaults.DATA_DIR))['API_KEY']
  if (!URL.canParse(url)) throw new Error(`${url} is not a valid URL.`)
  if (!key) throw new Error('There is no API key: set API_KEY.')
  return { url: url.replace(/\/+$/, ''), key }
}

function readVariables(file: string): NodeJS.Dict<string> {
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
}

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

/** Where the running service is and how to be let in. */
export interface Connection {
  readonly url: string
  readonly key: string
}

interface Given {
  readonly url?: string | undefined
  readonly key?: string | undefined
}

interface Place {
  readonly PORT: number
  readonly DATA_DIR: string
}

/** What the first start of a service leaves in the folder where it ran, unless there was one before. */
export const localFile = '.env.local'

/** The first key of an embedded database, beside its data. */
export function firstKeyFile(dataDir: string): string {
  return join(dataDir, 'first-key.env')
}

/** The option for the URL comes before the environment, and that before the files that the first start of a service leaves. */
export function readConnection(given: Given, env: NodeJS.ProcessEnv, place: Place): Connection {
  if (given.key !== undefined) {
    throw new Error(
      'An API key among the arguments can be read by everybody on this machine: set API_KEY instead of --key.',
    )
  }
  const local = readVariables(localFile)
  const url = given.url ?? (env['API_URL'] || local['API_URL'] || `http://127.0.0.1:${place.PORT}`)
  const key = env['API_KEY'] || local['API_KEY'] || readVariables(firstKeyFile(place.DATA_DIR))['API_KEY']
  if (!URL.canParse(url)) throw new Error(`${url} is no URL of a service.`)
  if (!key) throw new Error('There is no API key: set API_KEY.')
  return { url: url.replace(/\/+$/, ''), key }
}

function readVariables(file: string): NodeJS.Dict<string> {
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
}

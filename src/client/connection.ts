import { existsSync, readFileSync } from 'node:fs'
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

/** Options come before the environment, and that before the `.env.local` which the first start of a service leaves. */
export function readConnection(given: Given, env: NodeJS.ProcessEnv, port: number): Connection {
  const left = existsSync('.env.local') ? parseEnv(readFileSync('.env.local', 'utf8')) : {}
  const url = given.url ?? (env['API_URL'] || left['API_URL'] || `http://127.0.0.1:${port}`)
  const key = given.key ?? (env['API_KEY'] || left['API_KEY'])
  if (!URL.canParse(url)) throw new Error(`${url} is no URL of a service.`)
  if (key === undefined) throw new Error('There is no API key: give --key, or set API_KEY.')
  return { url: url.replace(/\/+$/, ''), key }
}

import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { type Environment, readEnvironment, settingNames } from '../config.ts'

const secretFiles = {
  DATABASE_URL: 'DATABASE_URL_FILE',
  DATABASE_OWNER_URL: 'DATABASE_OWNER_URL_FILE',
} as const

/** Reads the settings from the environment, `.env` and the files of the `…_FILE` variables. Throws if one is not valid. */
export function loadEnvironment(): Environment {
  if (existsSync('.env')) {
    warnOfUnknown(Object.keys(parseEnv(readFileSync('.env', 'utf8'))))
    process.loadEnvFile('.env')
  }
  const environment = readEnvironment(process.env)
  const secrets = Object.entries(secretFiles).flatMap(([name, variable]) => {
    const file = environment[variable]
    return file === undefined ? [] : [[name, readFileSync(file, 'utf8').trim()]]
  })
  return readEnvironment({ ...process.env, ...Object.fromEntries(secrets) })
}

// Docker Compose reads the same file, and so do the libraries whose variables begin with these words.
const readElsewhere =
  /^(API_URL|API_KEY|PUBLISH|PUBLISH_PROMETHEUS|POSTGRES_IMAGE|NODE_IMAGE|TZ|(PG|OTEL_|COMPOSE_|DOCKER_).+)$/

function warnOfUnknown(names: readonly string[]): void {
  const unknown = names.filter((name) => !settingNames.includes(name) && !readElsewhere.test(name))
  if (unknown.length === 0) return
  console.warn(
    `.env sets names that nothing reads: ${unknown.join(', ')}. README.md, "Configuration", lists the settings.`,
  )
}

/** The log of commands: errors go to stderr, the rest is dropped. */
export const commandLog = {
  error: (details: object, message: string) =>
    console.error('err' in details ? `${message}: ${explain(details.err)}` : message),
  debug: () => {},
}

/** Runs a command. If it fails, prints the error in one line to stderr and sets exit code 1. */
export async function run(command: () => Promise<void>): Promise<void> {
  try {
    await command()
  } catch (error) {
    console.error(explain(error))
    process.exitCode = 1
  }
}

/** The messages of an error and its causes. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // An error about several addresses of one host has no message of its own.
  if (error instanceof AggregateError) return error.errors.map(explain).join('; ')
  const { message, cause } = error
  return cause instanceof Error ? `${message} ${explain(cause)}` : message
}

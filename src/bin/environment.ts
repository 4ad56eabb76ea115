import { existsSync, readFileSync } from 'node:fs'
import { type Environment, readEnvironment } from '../config.ts'

/** The environment, with what `.env` adds to it and the secrets that it keeps in files. */
export function loadEnvironment(): Environment {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const { DATABASE_URL_FILE, DATABASE_OWNER_URL_FILE } = readEnvironment(process.env)
  return readEnvironment({
    ...process.env,
    ...(DATABASE_URL_FILE !== undefined && { DATABASE_URL: readSecret(DATABASE_URL_FILE) }),
    ...(DATABASE_OWNER_URL_FILE !== undefined && { DATABASE_OWNER_URL: readSecret(DATABASE_OWNER_URL_FILE) }),
  })
}

function readSecret(file: string): string {
  return readFileSync(file, 'utf8').trim()
}

/** A log for commands: faults go to stderr, the rest is not worth a line. */
export const commandLog = {
  error: (details: object, message: string) => console.error(message, details),
  debug: () => {},
}

/** Runs a command; a failure is one sentence on stderr and exit code 1. */
export async function run(command: () => Promise<void>): Promise<void> {
  try {
    await command()
  } catch (error) {
    const { message, cause } = error as Error
    console.error(cause instanceof Error ? `${message} ${cause.message}` : message)
    process.exitCode = 1
  }
}

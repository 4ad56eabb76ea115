import { existsSync, readFileSync } from 'node:fs'
import { type Environment, readEnvironment } from '../config.ts'

/** Reads the settings from the environment, `.env` and the files of the `…_FILE` variables. Throws if one is not valid. */
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

/** The log of commands: errors go to stderr, the rest is dropped. */
export const commandLog = {
  error: (details: object, message: string) => console.error(message, details),
  debug: () => {},
}

/** Runs a command. If it fails, prints the error in one line to stderr and sets exit code 1. */
export async function run(command: () => Promise<void>): Promise<void> {
  try {
    await command()
  } catch (error) {
    const { message, cause } = error as Error
    console.error(cause instanceof Error ? `${message} ${cause.message}` : message)
    process.exitCode = 1
  }
}

import { existsSync, readFileSync } from 'node:fs'
import { type Environment, readEnvironment } from '../config.ts'

/** The environment, with what `.env` adds to it and the secret that it keeps in a file. */
export function loadEnvironment(): Environment {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const environment = readEnvironment(process.env)
  const { DATABASE_URL_FILE: file } = environment
  if (file === undefined) return environment
  return readEnvironment({ ...process.env, DATABASE_URL: readFileSync(file, 'utf8').trim() })
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

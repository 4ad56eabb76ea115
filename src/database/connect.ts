import { Kysely, PostgresDialect } from 'kysely'
import { Pool, types } from 'pg'
import type { Database } from './tables.ts'

export interface Log {
  error(details: object, message: string): void
  debug(details: object, message: string): void
}

interface Connection {
  readonly url: string
  readonly max?: number
  readonly log: Log
}

const oids: Readonly<Record<'INT8' | 'TIMESTAMPTZ', number>> = types.builtins

/** A pool of connections that never waits for ever and survives the loss of any of them. */
export function connect({ url, max = 10, log }: Connection): Kysely<Database> {
  const pool = new Pool({
    connectionString: url,
    max,
    types: { getTypeParser },
    application_name: 'partner-attribution-api',
    connectionTimeoutMillis: 2000,
    statement_timeout: 5000,
    lock_timeout: 2000,
    idle_in_transaction_session_timeout: 10_000,
  })
  // Both are needed: a checked-out client emits on itself, not on the pool, and either unheard ends the process.
  pool.on('error', (err) => log.error({ err }, 'an idle database connection was lost'))
  pool.on('connect', (client) => {
    client.on('error', (err) => log.error({ err }, 'a database connection was lost'))
  })
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
}

// The pool's own parsers: exact money as bigint, instants as the text that JSON carries.
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === oids.INT8) return BigInt
  if (oid === oids.TIMESTAMPTZ) return readTimestamp
  return types.getTypeParser(oid, format)
}

function readTimestamp(text: string): string {
  return new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString()
}

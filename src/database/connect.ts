import { Kysely, PostgresDialect, type PostgresPool } from 'kysely'
import { Pool, types } from 'pg'
import { Unavailable } from '../errors.ts'
import { withSession } from './session.ts'
import type { Database } from './tables.ts'

export interface Log {
  error(details: object, message: string): void
  debug(details: object, message: string): void
}

interface PoolOptions {
  readonly url: string
  readonly max?: number
  readonly log: Log
}

const waitingPerConnection = 100

const oids: Readonly<Record<'INT8' | 'DATE' | 'TIMESTAMPTZ', number>> = types.builtins

/** Opens a pool of connections. Getting a connection takes at most 2 s; the pool replaces connections that are lost. */
export function connect({ url, max = 10, log }: PoolOptions): Kysely<Database> {
  const pool = new Pool({
    connectionString: withSession(url),
    max,
    types: { getTypeParser },
    application_name: 'partner-attribution-api',
    connectionTimeoutMillis: 2000,
    keepAlive: true,
  })
  // Both listeners are needed: a client in use emits on itself, not on the pool, and an unheard error ends the process.
  pool.on('error', (err) => log.error({ err }, 'an idle database connection was lost'))
  pool.on('connect', (client) => {
    client.on('error', (err) => log.error({ err }, 'a database connection was lost'))
  })
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: limitWaiting(pool, max) }) })
  pools.set(db, pool)
  return db
}

/** Errors: 503 at once if 100 callers per connection wait already; one more would only run into the timeout. */
function limitWaiting(pool: Pool, max: number): PostgresPool {
  return {
    connect: () =>
      pool.waitingCount < max * waitingPerConnection ? pool.connect() : Promise.reject(new Unavailable()),
    end: () => pool.end(),
    options: pool.options,
  }
}

const pools = new WeakMap<Kysely<Database>, Pool>()

/** The connections of a `db` from `connect`: how many are open, how many of those are idle, how many callers wait for one. */
export function countConnections(db: Kysely<Database>) {
  const pool = pools.get(db)
  return {
    open: pool?.totalCount ?? 0,
    idle: pool?.idleCount ?? 0,
    waiting: pool?.waitingCount ?? 0,
  }
}

// Reads bigint columns as exact BigInts, dates and timestamps as the ISO 8601 text that JSON answers contain.
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === oids.INT8) return BigInt
  if (oid === oids.DATE) return String
  if (oid === oids.TIMESTAMPTZ) return readTimestamp
  return types.getTypeParser(oid, format)
}

// Without `Date` where the session is in UTC, as it is unless a pooler changes it: a close reads six timestamps and more.
function readTimestamp(text: string): string {
  if (!text.endsWith('+00') || text.length > 26)
    return new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString()
  const [date, time] = [text.slice(0, 10), text.slice(11, -3)]
  return `${date}T${time.length === 8 ? `${time}.000` : time.padEnd(12, '0')}Z`
}

import { Kysely, PostgresDialect, type PostgresPool } from 'kysely'
import { Pool, types } from 'pg'
import { Unavailable } from '../errors.ts'
import { withSession } from './session.ts'
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

const waitingForEach = 100

const oids: Readonly<Record<'INT8' | 'TIMESTAMPTZ', number>> = types.builtins

/** A pool of connections that never waits for ever and survives the loss of any of them. */
export function connect({ url, max = 10, log }: Connection): Kysely<Database> {
  const pool = new Pool({
    connectionString: withSession(url),
    max,
    types: { getTypeParser },
    application_name: 'partner-attribution-api',
    connectionTimeoutMillis: 2000,
    keepAlive: true,
  })
  // Both are needed: a checked-out client emits on itself, not on the pool, and either unheard ends the process.
  pool.on('error', (err) => log.error({ err }, 'an idle database connection was lost'))
  pool.on('connect', (client) => {
    client.on('error', (err) => log.error({ err }, 'a database connection was lost'))
  })
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: refuseCrowds(pool, max) }) })
  pools.set(db, pool)
  return db
}

/** Says at once that it is busy where so many wait for a connection that a further one would wait in vain. */
function refuseCrowds(pool: Pool, max: number): PostgresPool {
  return {
    connect: () =>
      pool.waitingCount < max * waitingForEach ? pool.connect() : Promise.reject(new Unavailable()),
    end: () => pool.end(),
    options: pool.options,
  }
}

const pools = new WeakMap<Kysely<Database>, Pool>()

/** How many connections a database from `connect` has open, how many of them are idle, and how many callers wait for one. */
export function countConnections(db: Kysely<Database>) {
  const pool = pools.get(db)
  return {
    open: pool?.totalCount ?? 0,
    idle: pool?.idleCount ?? 0,
    waiting: pool?.waitingCount ?? 0,
  }
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

import { type Kysely, sql } from 'kysely'
import { Client } from 'pg'
import { issueKey } from '../src/api-keys/issue.ts'
import { connect } from '../src/database/connect.ts'
import { startEmbedded } from '../src/postgres/embedded.ts'
import type { Database } from '../src/database/tables.ts'
import { migrateToLatest } from '../src/database/migrate.ts'
import { rebuildRollups } from '../src/rollups/verify.ts'
import { analyticsByPlainSql } from '../test/analytics/plain-sql.ts'
import { createRandom } from '../test/support/random.ts'
import { fillDatabase } from '../test/support/fill-database.ts'
import { readPaths } from '../test/support/read-paths.ts'
import { end, type Listener, startListener } from '../test/support/child-processes.ts'

// Databases of these sizes are kept in DATA_DIR, or on the server of DATABASE_URL, for the next run.
const sizes = (process.env['SIZES'] ?? '20000,200000,1000000').split(',').map(Number)
const calls = Number(process.env['CALLS'] ?? 300)
// Rounds spread the other load of the machine over all sizes and reads.
const rounds = 10
const random = createRandom(1)
const year2025 = { currency: 'USD', first: '2025-01-01', last: '2025-12-31' }

// Loads the tables into memory, so that the disk is not measured.
const intoMemory = `
  create extension if not exists pg_prewarm;
  select pg_prewarm(oid, 'read') from pg_class where relkind in ('r', 'i') and relnamespace = 'public'::regnamespace`

interface Target {
  readonly size: number
  readonly db: Kysely<Database>
  readonly service: Listener
  readonly read: (path: string) => Promise<void>
}

const plainSql = 'analytics, a year, by plain SQL'
const durations = new Map(
  [...Object.keys(readPaths), plainSql].map((name) => [
    name,
    new Map(sizes.map((size) => [size, [] as number[]])),
  ]),
)

const server = await findServer()
const targets: Target[] = []
try {
  for (const size of sizes) targets.push(await startTarget(size))
  for (let round = 0; round <= rounds; round += 1) {
    for (const target of targets) await readAll(target, round > 0)
  }
  for (const target of targets) await readByPlainSql(target)
  print()
} finally {
  for (const { service, db } of targets) {
    await end(service.child)
    await db.destroy()
  }
  await server.stop()
}

async function findServer() {
  const url = process.env['DATABASE_URL']
  if (url !== undefined) return { url, stop: async () => {} }
  // Connects as the owner, to create databases; the role does not affect the time of a read.
  const embedded = await startEmbedded({
    dataDir: process.env['DATA_DIR'] ?? 'data/bench',
    log: () => {},
  })
  return { url: embedded.ownerUrl, stop: () => embedded.stop() }
}

async function startTarget(size: number): Promise<Target> {
  const url = await ensureFilled(size)
  const db = connect({ url, max: 1, log: console })
  const { key } = await issueKey(db, { name: 'bench', scopes: ['admin'], rate_limit_max: 1_000_000_000 })
  const service = await startListener('src/bin/serve.ts', { DATABASE_URL: url })
  const read = async (path: string) => {
    const answer = await fetch(`${service.address}${path}`, { headers: { 'x-api-key': key } })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
  return { size, db, service, read }
}

/** One round of every read. The first round is not counted. */
async function readAll({ size, read }: Target, isCounted: boolean): Promise<void> {
  for (const [name, pathOf] of Object.entries(readPaths)) {
    for (let call = 0; call < calls / rounds; call += 1) {
      const ms = await time(() => read(pathOf(random, size)))
      if (isCounted) durations.get(name)?.get(size)?.push(ms)
    }
  }
}

function readByPlainSql({ size, db }: Target): Promise<void> {
  return db.connection().execute(async (connection) => {
    await sql`set statement_timeout = 0`.execute(connection)
    for (let call = 0; call < 5; call += 1) {
      const ms = await time(() => analyticsByPlainSql(connection, year2025))
      durations.get(plainSql)?.get(size)?.push(ms)
    }
  })
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function ensureFilled(size: number): Promise<string> {
  const name = `bench_${size}`
  const filling = `${name}_filling`
  await withClient(server.url, async (admin) => {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name])
    if (rowCount !== 0) return
    await admin.query(`drop database if exists ${filling}`)
    await admin.query(`create database ${filling}`)
    await withClient(urlOf(filling), (client) => fillAndRollUp(client, urlOf(filling), size))
    await admin.query(`alter database ${filling} rename to ${name}`)
  })
  const db = connect({ url: urlOf(name), max: 1, log: console })
  await migrateToLatest(db)
  await db.destroy()
  await withClient(urlOf(name), (client) => client.query(intoMemory))
  return urlOf(name)
}

async function fillAndRollUp(client: Client, url: string, size: number): Promise<void> {
  const db = connect({ url, max: 2, log: console })
  try {
    await migrateToLatest(db)
    const filling = await time(() => fillDatabase(client, size))
    const rolling = await time(() => rebuildRollups(db))
    console.error(`filled in ${toSeconds(filling)} s, rollups built in ${toSeconds(rolling)} s`)
    await client.query('vacuum analyze')
  } finally {
    await db.destroy()
  }
}

function toSeconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}

function urlOf(database: string): string {
  const url = new URL(server.url)
  url.pathname = database
  return url.href
}

async function withClient(
  connectionString: string,
  work: (client: Client) => Promise<unknown>,
): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

function print(): void {
  const [smallest, largest] = [sizes[0] as number, sizes.at(-1) as number]
  console.log(['ms', ...sizes.flatMap((size) => [`p50 ${size}`, `p99 ${size}`]), 'growth of p50'].join('\t'))
  for (const name of durations.keys()) {
    const cells = sizes.flatMap((size) => [
      percentileOf(name, size, 0.5).toFixed(2),
      percentileOf(name, size, 0.99).toFixed(2),
    ])
    const growth = percentileOf(name, largest, 0.5) / percentileOf(name, smallest, 0.5)
    console.log([name.padEnd(51), ...cells, growth.toFixed(2)].join('\t'))
  }
  const ratio = percentileOf(plainSql, largest, 0.5) / percentileOf('analytics, a year', largest, 0.5)
  console.log(`analytics of a year, time of plain SQL / ours: ${ratio.toFixed(0)}`)
}

function percentileOf(name: string, size: number, share: number): number {
  const sorted =
    durations
      .get(name)
      ?.get(size)
      ?.toSorted((a, b) => a - b) ?? []
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

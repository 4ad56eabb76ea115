import { sql } from 'kysely'
import { Client } from 'pg'
import { issueKey } from '../src/api-keys/issue.ts'
import { connect } from '../src/database/connect.ts'
import { startEmbedded } from '../src/database/embedded.ts'
import { migrateToLatest } from '../src/database/migrate.ts'
import { rebuildRollups } from '../src/rollups/verify.ts'
import { analyticsByPlainSql } from '../test/analytics/plain.ts'
import { createDice } from '../test/support/dice.ts'
import { fill } from '../test/support/fill.ts'
import { reads } from '../test/support/reads.ts'
import { end, startListener } from '../test/support/children.ts'

// Databases of these sizes stay in DATA_DIR, or on the server of DATABASE_URL, for the next time.
const sizes = (process.env['SIZES'] ?? '20000,200000,1000000').split(',').map(Number)
const calls = Number(process.env['CALLS'] ?? 300)
const yearInstants = { currency: 'USD', from: '2025-01-01T00:00:00Z', before: '2026-01-01T00:00:00Z' }

interface Times {
  readonly p50: number
  readonly p99: number
}

const server = await findServer()
try {
  const results = new Map<number, ReadonlyMap<string, Times>>()
  for (const size of sizes) results.set(size, await measureSize(size))
  print(results)
} finally {
  await server.stop()
}

async function findServer() {
  const url = process.env['DATABASE_URL']
  if (url !== undefined) return { url, stop: async () => {} }
  return startEmbedded({ dataDir: process.env['DATA_DIR'] ?? 'data/bench', log: () => {} })
}

async function measureSize(size: number): Promise<ReadonlyMap<string, Times>> {
  const url = await ensureFilled(size)
  const db = connect({ url, max: 1, log: console })
  const { key } = await issueKey(db, { name: 'bench', scopes: ['admin'], rate_limit_max: 1_000_000_000 })
  const service = await startListener('src/bin/serve.ts', { DATABASE_URL: url })
  const times = new Map<string, Times>()
  const dice = createDice(1)
  try {
    for (const [name, pathOf] of Object.entries(reads)) {
      const read = async () => {
        const path = pathOf(dice, size)
        const answer = await fetch(`${service.address}${path}`, { headers: { 'x-api-key': key } })
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
        await answer.arrayBuffer()
      }
      times.set(name, await time(read, calls))
    }
    const plain = await db.connection().execute(async (connection) => {
      await sql`set statement_timeout = 0`.execute(connection)
      return time(() => analyticsByPlainSql(connection, yearInstants), 5)
    })
    times.set('analytics, a year, by plain SQL', plain)
  } finally {
    await end(service.child)
    await db.destroy()
  }
  return times
}

async function ensureFilled(size: number): Promise<string> {
  const name = `bench_${size}`
  const filling = `${name}_filling`
  await using(server.url, async (admin) => {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name])
    if (rowCount !== 0) return
    await admin.query(`drop database if exists ${filling}`)
    await admin.query(`create database ${filling}`)
    await using(urlOf(filling), (client) => fillAndRollUp(client, urlOf(filling), size))
    await admin.query(`alter database ${filling} rename to ${name}`)
  })
  const db = connect({ url: urlOf(name), max: 1, log: console })
  await migrateToLatest(db)
  await db.destroy()
  return urlOf(name)
}

async function fillAndRollUp(client: Client, url: string, size: number): Promise<void> {
  const db = connect({ url, max: 2, log: console })
  try {
    await migrateToLatest(db)
    await fill(client, size)
    const began = performance.now()
    await rebuildRollups(db)
    console.error(`rollups built in ${((performance.now() - began) / 1000).toFixed(1)} s`)
    await client.query('vacuum analyze')
  } finally {
    await db.destroy()
  }
}

function urlOf(database: string): string {
  const url = new URL(server.url)
  url.pathname = database
  return url.href
}

async function using(connectionString: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

async function time(work: () => Promise<unknown>, times: number): Promise<Times> {
  for (let warmup = 0; warmup < times / 10; warmup += 1) await work()
  const taken: number[] = []
  for (let call = 0; call < times; call += 1) {
    const began = performance.now()
    await work()
    taken.push(performance.now() - began)
  }
  taken.sort((a, b) => a - b)
  const at = (share: number) => taken[Math.min(taken.length - 1, Math.floor(taken.length * share))] as number
  return { p50: at(0.5), p99: at(0.99) }
}

function print(results: ReadonlyMap<number, ReadonlyMap<string, Times>>): void {
  const columns = [...results].flatMap(([size]) => [`p50 ${size}`, `p99 ${size}`])
  const names = [...(results.get(sizes[0] as number)?.keys() ?? [])]
  const plain = [...results.values()].at(-1)?.get('analytics, a year, by plain SQL')
  console.log(['ms', ...columns, 'growth of p50'].join('\t'))
  for (const name of names) {
    const times = [...results.values()].map((sizes) => sizes.get(name) as Times)
    const growth = (times.at(-1) as Times).p50 / (times[0] as Times).p50
    const cells = times.flatMap(({ p50, p99 }) => [p50.toFixed(2), p99.toFixed(2)])
    console.log([name.padEnd(36), ...cells, growth.toFixed(2)].join('\t'))
  }
  const ours = [...results.values()].at(-1)?.get('analytics, a year')
  if (plain && ours) {
    console.log(`analytics of a year, plain SQL over ours: ${(plain.p50 / ours.p50).toFixed(0)}`)
  }
}

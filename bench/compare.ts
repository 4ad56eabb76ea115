import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { Client } from 'pg'
import { touchpointTypes } from '../src/attribution/touch.ts'
import { startEmbedded } from '../src/postgres/embedded.ts'
import { end, type Listener, startListener } from '../test/support/child-processes.ts'
import { measure } from './support/load.ts'
import { median } from './support/median.ts'

// Compares an earlier commit with this tree: npm run bench:compare -- COMMIT
const execute = promisify(execFile)
const connections = 64
const seconds = 4
const closesEach = 60
const imported = 50_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' } },
})
const [commit] = positionals
if (commit === undefined) throw new Error('Usage: npm run bench:compare -- COMMIT [--rounds 7]')
const rounds = Number(values.rounds)

interface Side {
  readonly service: Listener
  readonly key: string
}
type Work = (side: Side, round: number) => Promise<number>

await using opened = new AsyncDisposableStack()
const folder = await mkdtemp(join(tmpdir(), 'partner-attribution-compare-'))
opened.defer(() => rm(folder, { recursive: true, force: true }))
const server = await startEmbedded({ dataDir: join(folder, 'data'), log: () => {} })
opened.defer(() => server.stop())
const earlier = join(folder, 'earlier')
await execute('git', ['worktree', 'add', '--detach', earlier, commit])
opened.defer(async () => void (await execute('git', ['worktree', 'remove', '--force', earlier])))
await execute('npm', ['ci', '--no-audit', '--no-fund'], { cwd: earlier })

const before = await startSide(earlier)
const after = await startSide(process.cwd())
console.log(
  `${commit} and this tree in ${rounds} alternating rounds, ${connections} connections, full durability.`,
)
console.log('Rate a second: median [lowest, highest].\n')
await compare('POST /events', postEvents)
await compare('POST /deals', closeDeals)
await compare('POST /events/import', importEvents)
await compare('GET /attribution', readAttributions)

/** Starts the service of a folder on a new database with partners and a key. */
async function startSide(cwd: string): Promise<Side> {
  const name = `side_${randomUUID().replaceAll('-', '')}`
  const client = new Client({ connectionString: server.ownerUrl })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(server.ownerUrl)
  url.pathname = name
  const environment = { DATABASE_URL: url.href, LOG_LEVEL: 'warn' }
  const create = ['src/bin/keys.ts', 'create', '--scopes', 'admin', '--limit', '900000000']
  const { stdout } = await execute(process.execPath, create, { cwd, env: { ...process.env, ...environment } })
  const service = await startListener(join(cwd, 'src/bin/serve.ts'), environment)
  opened.defer(() => end(service.child))
  const side = { service, key: stdout.trim() }
  for (let n = 0; n < 100; n++) {
    await post(side, '/partners', {
      type: 'application/json',
      text: JSON.stringify({ id: `p${n}`, name: `P ${n}`, email: `${n}@example.com` }),
    })
  }
  return side
}

/** Prints the rates of both sides, and whether their ranges overlap. */
async function compare(name: string, work: Work): Promise<void> {
  const rates = { before: [] as number[], after: [] as number[] }
  await work(before, -1)
  await work(after, -1)
  for (let round = 0; round < rounds; round++) {
    // Alternate which side goes first.
    const order = round % 2 === 0 ? (['before', 'after'] as const) : (['after', 'before'] as const)
    for (const side of order) rates[side].push(await work(side === 'before' ? before : after, round))
  }
  const ratio = median(rates.after) / median(rates.before)
  const isApart =
    Math.min(...rates.after) > Math.max(...rates.before) ||
    Math.max(...rates.after) < Math.min(...rates.before)
  console.log(
    `${name.padEnd(20)} ${show(rates.before)} before, ${show(rates.after)} after: ${ratio.toFixed(2)}${isApart ? '' : ', ranges overlap'}`,
  )
}

function show(rates: readonly number[]): string {
  return `${median(rates).toFixed(0)} [${Math.min(...rates).toFixed(0)}, ${Math.max(...rates).toFixed(0)}]`
}

function postEvents({ service, key }: Side, round: number): Promise<number> {
  const body = (connection: number, n: number) =>
    JSON.stringify({
      partner_id: `p${(connection * 7 + n * 3) % 100}`,
      deal_id: `open-${(connection * 131 + n * 17 + round) % 20_000}`,
      touchpoint_type: touchpointTypes[n % touchpointTypes.length],
      timestamp: '2025-03-01T10:00:00Z',
    })
  return measure({
    address: service.address,
    key,
    connections,
    extent: { duration: seconds },
    requests: (connection) =>
      Array.from({ length: 100 }, (_, n) => ({ method: 'POST', path: '/events', body: body(connection, n) })),
  })
}

async function closeDeals(side: Side, round: number): Promise<number> {
  const count = connections * closesEach
  await importLines(side, { name: `close${round}`, count: count * 5, deals: count })
  return measure({
    address: side.service.address,
    key: side.key,
    connections,
    extent: { amount: count },
    requests: (connection) =>
      Array.from({ length: closesEach }, (_, n) => ({
        method: 'POST',
        path: '/deals',
        body: JSON.stringify({
          id: `close${round}-${connection * closesEach + n}`,
          amount: 1000,
          attribution_model: 'linear',
        }),
      })),
  })
}

async function importEvents(side: Side, round: number): Promise<number> {
  const begin = performance.now()
  await importLines(side, { name: `import${round}`, count: imported, deals: 10_000 })
  return imported / ((performance.now() - begin) / 1000)
}

function readAttributions({ service, key }: Side): Promise<number> {
  return measure({
    address: service.address,
    key,
    connections,
    extent: { duration: seconds },
    requests: (connection) =>
      Array.from({ length: 200 }, (_, n) => ({
        method: 'GET',
        path: `/attribution/close0-${(connection * 7919 + n * 104_729) % (connections * closesEach)}`,
      })),
  })
}

async function importLines(
  side: Side,
  { name, count, deals }: { readonly name: string; readonly count: number; readonly deals: number },
): Promise<void> {
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({
      id: `${name}-${n}`,
      deal_id: `${name}-${n % deals}`,
      partner_id: `p${(n * 7) % 100}`,
      touchpoint_type: touchpointTypes[n % touchpointTypes.length],
      timestamp: '2025-02-01T10:00:00Z',
      metadata: { source: 'bench', n },
    }),
  )
  const report = await post(side, '/events/import', {
    type: 'application/x-ndjson',
    text: lines.join('\n'),
  })
  if (report['accepted'] !== count)
    throw new Error(`The import failed: ${JSON.stringify(report).slice(0, 500)}`)
}

async function post(
  { service, key }: Side,
  path: string,
  { type, text }: { readonly type: string; readonly text: string },
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${service.address}${path}`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': type },
    body: text,
  })
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Record<string, unknown>
}

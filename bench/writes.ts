import { rm } from 'node:fs/promises'
import { end } from '../test/support/child-processes.ts'
import { copyFile, importFile, readPeakMemory, writeEvents } from './support/bulk-load.ts'
import { alternate, measure } from './support/load.ts'
import { naiveTables } from './support/naive-routes.ts'
import { createTestBed, type TestBed } from './support/test-bed.ts'

const rounds = 5
const seconds = 4
const connections = 64
const closesEach = 60
const imported = 100_000
const types = ['referral', 'demo', 'intro', 'support', 'closer']

const testBed = await createTestBed()
try {
  await testBed.client.query(naiveTables)
  await testBed.client.query(
    `insert into partners (id, name, email, submission)
     select 'p' || n, 'Partner ' || n, n || '@example.com', '' from generate_series(0, 499) n`,
  )
  console.log(`Medians of ${rounds} alternating rounds, ${connections} connections, full durability.\n`)
  await benchEvents(testBed)
  await benchDeals(testBed)
  await benchImport(testBed)
} finally {
  await testBed.clear()
}

async function benchEvents({ start, key }: TestBed): Promise<void> {
  const addresses = {
    ours: (await start('src/bin/serve.ts')).address,
    noDatabase: (await start('bench/support/baseline-server.ts', 'no-database')).address,
    naive: (await start('bench/support/baseline-server.ts', 'naive')).address,
  }
  const measureAt = (address: string) => (round: number) =>
    measure({
      address,
      key,
      connections,
      extent: { duration: seconds },
      requests: (n) => eventsOf(n + round),
    })
  const measured = {
    ours: measureAt(addresses.ours),
    noDatabase: measureAt(addresses.noDatabase),
    naive: measureAt(addresses.naive),
  }
  await alternate(1, measured)
  const { ours, noDatabase, naive } = await alternate(rounds, measured)
  console.log(`POST /events            ${show(ours)}/s`)
  console.log(
    `  without a database    ${show(noDatabase)}/s   ours / without a database  ${(ours / noDatabase).toFixed(2)}`,
  )
  console.log(`  naive                 ${show(naive)}/s   ours / naive  ${(ours / naive).toFixed(2)}\n`)
}

function eventsOf(connection: number) {
  return Array.from({ length: 100 }, (_, n) => ({
    method: 'POST' as const,
    path: '/events',
    body: JSON.stringify({
      partner_id: `p${(connection * 7 + n * 3) % 500}`,
      deal_id: `open-${(connection * 131 + n * 17) % 20_000}`,
      touchpoint_type: types[n % types.length],
      timestamp: '2025-03-01T10:00:00Z',
    }),
  }))
}

async function benchDeals(testBed: TestBed): Promise<void> {
  const service = await testBed.start('src/bin/serve.ts')
  const baseline = await testBed.start('bench/support/baseline-server.ts', 'naive')
  const measureAs = (name: string, address: string) => async (round: number) => {
    const prefix = `${name}-${round}`
    await testBed.client.query(
      `insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, known_from, submission)
       select $1 || '-' || deal || '-' || n, $1 || '-' || deal, 'p' || (deal * 7 + n * 31) % 500, ($2::text[])[1 + n], '2025-03-01',
         '2025-03-01', 1, ''
       from generate_series(0, $3) deal, generate_series(0, 4) n`,
      [prefix, types, connections * closesEach],
    )
    const requests = (connection: number) => closesOf(prefix, connection * closesEach)
    return measure({
      address,
      key: testBed.key,
      connections,
      extent: { amount: connections * closesEach },
      requests,
    })
  }
  const { ours, naive } = await alternate(rounds, {
    warm: measureAs('warm', service.address),
    ours: measureAs('ours', service.address),
    naive: measureAs('naive', baseline.address),
  })
  console.log(`POST /deals             ${show(ours)}/s   of 5 touchpoints each`)
  console.log(`  naive                 ${show(naive)}/s   ours / naive  ${(ours / naive).toFixed(2)}\n`)
}

function closesOf(prefix: string, from: number) {
  return Array.from({ length: closesEach }, (_, n) => ({
    method: 'POST' as const,
    path: '/deals',
    body: JSON.stringify({ id: `${prefix}-${from + n}`, amount: 1000, attribution_model: 'linear' }),
  }))
}

async function benchImport(testBed: TestBed): Promise<void> {
  const service = await testBed.start('src/bin/serve.ts')
  const { ours, copy } = await alternate(rounds, {
    async ours(round) {
      const { ndjson, csv } = await writeEvents(testBed, `bulk-${round}`, imported)
      await rm(csv)
      return imported / (await importFile(testBed, service, { file: ndjson, count: imported }))
    },
    async copy(round) {
      const { csv } = await writeEvents(testBed, `bulk-${round}`, imported)
      return imported / (await copyFile(testBed, csv))
    },
  })
  console.log(`POST /events/import     ${show(ours)}/s`)
  console.log(`  COPY by psql          ${show(copy)}/s   ours / COPY     ${(ours / copy).toFixed(2)}`)
  const peaks = [await peakOf(testBed, 10_000), await peakOf(testBed, 1_000_000)] as const
  console.log(
    `  memory peaks          ${peaks[0].toFixed(0)} MB for 10,000 events, ${peaks[1].toFixed(0)} MB for 1,000,000`,
  )
}

/** The peak memory of a process that only imports `count` events. */
async function peakOf(testBed: TestBed, count: number): Promise<number> {
  const service = await testBed.start('src/bin/serve.ts')
  const { ndjson } = await writeEvents(testBed, `peak-${count}`, count)
  await importFile(testBed, service, { file: ndjson, count })
  const peak = await readPeakMemory(service)
  await end(service.child)
  return peak
}

function show(rate: number): string {
  return rate.toFixed(0).padStart(7)
}

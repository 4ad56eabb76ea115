import { rm } from 'node:fs/promises'
import { end } from '../test/support/children.ts'
import { copyFile, importFile, readPeakMemory, writeEvents } from './support/bulk.ts'
import { alternate, measure } from './support/load.ts'
import { plainTables } from './support/plain.ts'
import { setStage, type Stage } from './support/stage.ts'

const rounds = 5
const seconds = 4
const connections = 64
const closesEach = 60
const imported = 100_000
const types = ['referral', 'demo', 'intro', 'support', 'closer']

const stage = await setStage()
try {
  await stage.client.query(plainTables)
  await stage.client.query(
    `insert into partners (id, name, email, submission)
     select 'p' || n, 'Partner ' || n, n || '@example.com', '' from generate_series(0, 499) n`,
  )
  console.log(`Medians of ${rounds} alternating rounds, ${connections} connections, full durability.\n`)
  await benchEvents(stage)
  await benchDeals(stage)
  await benchImport(stage)
} finally {
  await stage.clear()
}

async function benchEvents({ start, key }: Stage): Promise<void> {
  const addresses = {
    ours: (await start('src/bin/serve.ts')).address,
    ceiling: (await start('bench/support/yardstick.ts', 'ceiling')).address,
    plain: (await start('bench/support/yardstick.ts', 'plain')).address,
  }
  const of = (address: string) => (round: number) =>
    measure({
      address,
      key,
      connections,
      extent: { duration: seconds },
      requests: (n) => eventsOf(n + round),
    })
  const measured = { ours: of(addresses.ours), ceiling: of(addresses.ceiling), plain: of(addresses.plain) }
  await alternate(1, measured)
  const { ours, ceiling, plain } = await alternate(rounds, measured)
  console.log(`POST /events            ${show(ours)}/s`)
  console.log(`  the ceiling           ${show(ceiling)}/s   ours / ceiling  ${(ours / ceiling).toFixed(2)}`)
  console.log(`  the plain way         ${show(plain)}/s   ours / plain    ${(ours / plain).toFixed(2)}\n`)
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

async function benchDeals(stage: Stage): Promise<void> {
  const service = await stage.start('src/bin/serve.ts')
  const yardstick = await stage.start('bench/support/yardstick.ts', 'plain')
  const of = (name: string, address: string) => async (round: number) => {
    const prefix = `${name}-${round}`
    await stage.client.query(
      `insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, known_from, submission)
       select $1 || '-' || deal || '-' || n, $1 || '-' || deal, 'p' || (deal * 7 + n * 31) % 500, ($2::text[])[1 + n], '2025-03-01', 1, ''
       from generate_series(0, $3) deal, generate_series(0, 4) n`,
      [prefix, types, connections * closesEach],
    )
    const requests = (connection: number) => closesOf(prefix, connection * closesEach)
    return measure({
      address,
      key: stage.key,
      connections,
      extent: { amount: connections * closesEach },
      requests,
    })
  }
  const { ours, plain } = await alternate(rounds, {
    warm: of('warm', service.address),
    ours: of('ours', service.address),
    plain: of('plain', yardstick.address),
  })
  console.log(`POST /deals             ${show(ours)}/s   of 5 touchpoints each`)
  console.log(`  the plain way         ${show(plain)}/s   ours / plain    ${(ours / plain).toFixed(2)}\n`)
}

function closesOf(prefix: string, from: number) {
  return Array.from({ length: closesEach }, (_, n) => ({
    method: 'POST' as const,
    path: '/deals',
    body: JSON.stringify({ id: `${prefix}-${from + n}`, amount: 1000, attribution_model: 'linear' }),
  }))
}

async function benchImport(stage: Stage): Promise<void> {
  const service = await stage.start('src/bin/serve.ts')
  const { ours, copy } = await alternate(rounds, {
    async ours(round) {
      const { ndjson, csv } = await writeEvents(stage, `bulk-${round}`, imported)
      await rm(csv)
      return imported / (await importFile(stage, service, ndjson, imported))
    },
    async copy(round) {
      const { csv } = await writeEvents(stage, `bulk-${round}`, imported)
      return imported / (await copyFile(stage, csv))
    },
  })
  console.log(`POST /events/import     ${show(ours)}/s`)
  console.log(`  COPY by psql          ${show(copy)}/s   ours / COPY     ${(ours / copy).toFixed(2)}`)
  const peaks = [await peakOf(stage, 10_000), await peakOf(stage, 1_000_000)] as const
  console.log(
    `  memory peaks          ${peaks[0].toFixed(0)} MB for 10,000 events, ${peaks[1].toFixed(0)} MB for 1,000,000`,
  )
}

/** The peak of a process that imports so many events and does nothing else. */
async function peakOf(stage: Stage, count: number): Promise<number> {
  const service = await stage.start('src/bin/serve.ts')
  const { ndjson } = await writeEvents(stage, `peak-${count}`, count)
  await importFile(stage, service, ndjson, count)
  const peak = await readPeakMemory(service)
  await end(service.child)
  return peak
}

function show(rate: number): string {
  return rate.toFixed(0).padStart(7)
}

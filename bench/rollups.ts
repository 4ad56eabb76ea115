import { measure } from './support/load.ts'
import { median } from './support/median.ts'
import type { Listener } from '../test/support/child-processes.ts'
import { createTestBed } from './support/test-bed.ts'

// Measures the cost of the rollups for writers: the same load with their triggers on and off, in alternating rounds.
const rounds = Number(process.env['ROUNDS'] ?? 5)
const seconds = Number(process.env['SECONDS'] ?? 4)
const closers = 32
const dealsOfCloser = 400
const partners = 500

const triggers = {
  attributions: ['attributions_change_figures'],
  payouts: ['payouts_change_figures'],
  events: ['events_change_figures', 'events_void_changes_figures', 'events_listed_under_partners'],
  deals: ['deals_listed_under_partners', 'deals_moved_under_partners'],
}

const testBed = await createTestBed()
try {
  await testBed.client.query(
    `insert into partners (id, name, email, submission)
     select 'p' || n, 'Partner ' || n, n || '@example.com', '' from generate_series(0, ${partners} - 1) n`,
  )
  const instances = [
    await testBed.start('src/bin/serve.ts'),
    await testBed.start('src/bin/serve.ts'),
    await testBed.start('src/bin/serve.ts'),
  ] as const
  const [first] = instances
  await compare('POST /deals, partners at random', (round) => closeDeals(first, `random${round}`, false))
  await compare('POST /deals, one partner on all', (round) => closeDeals(first, `one${round}`, true))
  await compare('POST /events, three instances', () => trackEvents(instances))
} finally {
  await testBed.clear()
}

async function compare(name: string, load: (round: string) => Promise<number>): Promise<void> {
  const speeds: Record<'with' | 'without', number[]> = { with: [], without: [] }
  await load('-warm')
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of ['with', 'without'] as const) {
      await setTriggers(kind === 'with' ? 'enable' : 'disable')
      speeds[kind].push(await load(`${round}-${kind}`))
    }
  }
  const [on, off] = [median(speeds.with), median(speeds.without)]
  const ratio = `${(on / off).toFixed(2)} × the speed, ${(off / on).toFixed(2)} × the time`
  console.log(`${name}: ${on.toFixed(0)}/s with rollups, ${off.toFixed(0)}/s without: ${ratio}`)
}

async function setTriggers(action: 'enable' | 'disable'): Promise<void> {
  for (const [table, names] of Object.entries(triggers)) {
    for (const name of names) await testBed.client.query(`alter table ${table} ${action} trigger ${name}`)
  }
}

/** Closes deals with five touchpoints each, which are inserted before the measurement. */
async function closeDeals({ address }: Listener, prefix: string, isOnePartner: boolean): Promise<number> {
  await testBed.client.query(
    `insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, known_from, submission)
     select deal || '-' || n, deal, 'p' || case when n = 1 and $2 then 0 else abs(hashtext(deal || n)) % ${partners} end,
       'demo', now() - interval '1 hour' * n, 1, ''
     from (select $1 || '-' || closer || '-' || number as deal
       from generate_series(0, ${closers - 1}) closer, generate_series(0, ${dealsOfCloser - 1}) number) as deals,
       generate_series(1, 5) n`,
    [prefix, isOnePartner],
  )
  await testBed.client.query('vacuum analyze events')
  const requests = (closer: number) =>
    Array.from({ length: dealsOfCloser }, (_, number) => ({
      method: 'POST' as const,
      path: '/deals',
      body: JSON.stringify({
        id: `${prefix}-${closer}-${number}`,
        amount: 99.99,
        attribution_model: 'linear',
      }),
    }))
  return measure({ address, key: testBed.key, extent: { duration: seconds }, connections: closers, requests })
}

async function trackEvents(instances: readonly Listener[]): Promise<number> {
  const speeds = instances.map(({ address }, instance) => {
    const requests = (connection: number) =>
      Array.from({ length: 100 }, (_, number) => ({
        method: 'POST' as const,
        path: '/events',
        body: JSON.stringify({
          partner_id: `p${(connection * 7 + number * 3) % partners}`,
          deal_id: `deal-${instance}-${connection * 100 + number}`,
          touchpoint_type: 'demo',
        }),
      }))
    return measure({ address, key: testBed.key, extent: { duration: seconds }, connections: 21, requests })
  })
  return (await Promise.all(speeds)).reduce((sum, speed) => sum + speed, 0)
}

import { recordHistories } from '../test/support/proofs/histories.ts'
import { isLinearizable } from '../test/support/proofs/linear.ts'
import { givenProgramme, runInOrder } from '../test/support/proofs/orders.ts'
import { closeTogether, closeWhileTouched, sendKeysTogether } from '../test/support/proofs/races.ts'
import { writeThroughKills } from '../test/support/proofs/crash.ts'
import { openSite, type Site } from '../test/support/proofs/site.ts'
import { countStaleFigures, listStaleDeals } from '../test/support/proofs/stale.ts'

// The long form of what the tests show: three processes of the service on a PostgreSQL with full durability.
const proofs: Readonly<Record<string, (site: Site) => Promise<boolean>>> = {
  keys: proveKeys,
  races: proveRaces,
  histories: proveHistories,
  orders: proveOrders,
  kills: proveKills,
}
const chosen = process.argv.slice(2)

for (const [name, prove] of Object.entries(proofs)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const begin = performance.now()
  const site = await openSite(3)
  try {
    for (let n = 0; n < 10; n++) {
      await site.instances[0]?.('POST', '/partners', {
        id: `p${n}`,
        name: `P ${n}`,
        email: `p${n}@example.com`,
      })
    }
    const holds = await prove(site)
    console.log(
      `${holds ? 'holds' : 'BROKEN'}: ${name}, ${Math.round((performance.now() - begin) / 1000)} s\n`,
    )
    if (!holds) process.exitCode = 1
  } finally {
    await site.close()
  }
}

async function proveKeys({ instances, db }: Site): Promise<boolean> {
  const answers = await sendKeysTogether(instances, { keys: 1000, copies: 25 })
  const rows = await db.selectFrom('events').select('deal_id').execute()
  const deals = new Set(rows.map(({ deal_id }) => deal_id)).size
  const statuses = new Set(answers.flatMap(({ statuses }) => Object.keys(statuses)))
  const bodies = answers.filter(({ bodies }) => bodies !== 1).length
  console.log(
    `1,000 keys x 25 requests: ${rows.length} rows for ${deals} keys, statuses ${[...statuses].join(' ')},`,
  )
  console.log(`${bodies} keys with other than one distinct success body`)
  const isExpected = [...statuses].every((status) => status === '201' || status === '409')
  return rows.length === 1000 && deals === 1000 && bodies === 0 && isExpected
}

async function proveRaces(site: Site): Promise<boolean> {
  const odd = await closeWhileTouched(site.instances, 600)
  let wrong = 0
  for (let n = 0; n < 50; n++) {
    const same = await closeTogether(site.instances, `same-${n}`, true)
    const other = await closeTogether(site.instances, `other-${n}`, false)
    if (same.statuses[201] !== 1 || same.statuses[200] !== 7) wrong += 1
    if (other.statuses[201] !== 1 || other.statuses[409] !== 7) wrong += 1
  }
  const stale = await listStaleDeals(site.db)
  const figures = await countStaleFigures(site.db)
  console.log(`600 deals closed while 3 events each arrive: ${stale.length} stale, ${figures} stale figures,`)
  const busy = odd.filter(({ status }) => status === 503).length
  console.log(`${busy} calls refused for load, ${odd.length - busy} answered oddly;`)
  console.log(`100 deals closed by 8 clients at once: ${wrong} wrong`)
  return stale.length + figures + wrong === 0 && odd.length === busy
}

async function proveHistories({ instances }: Site): Promise<boolean> {
  const histories = await recordHistories(instances, { deals: 2000 })
  const broken = histories.filter((calls) => !isLinearizable(calls))
  const calls = histories.reduce((sum, { length }) => sum + length, 0)
  console.log(`${histories.length} histories of ${calls} calls: ${broken.length} not linearizable`)
  return histories.length === 2000 && broken.length === 0
}

async function proveOrders(first: Site): Promise<boolean> {
  const programme = givenProgramme(10_000, 1)
  const splits = [await runOn(first, programme, 2)]
  for (const seed of [3, 4]) {
    const site = await openSite(1)
    try {
      splits.push(await runOn(site, programme, seed))
    } finally {
      await site.close()
    }
  }
  const distinct = new Set(splits).size
  console.log(
    `10,000 events in three orders and batchings: ${distinct} distinct set of splits of 1,000 deals`,
  )
  return distinct === 1
}

async function runOn(
  { instances: [send] }: Site,
  programme: ReturnType<typeof givenProgramme>,
  seed: number,
) {
  if (send === undefined) throw new Error('There is no instance.')
  for (let n = 0; n < 10; n++) {
    await send('POST', '/partners', { id: `p${n}`, name: `P ${n}`, email: `p${n}@example.com` })
  }
  return runInOrder(send, programme, seed)
}

async function proveKills(site: Site): Promise<boolean> {
  const toll = await writeThroughKills(site, { kills: 50, writers: 24, acknowledged: 20_000 })
  const stale = await listStaleDeals(site.db)
  const { kills, acknowledged, retried, lost, doubled, exits, slowestRecoveryMs } = toll
  console.log(
    `${kills} kills, ${acknowledged} acknowledged writes and ${retried} sent again: ${lost.length} lost,`,
  )
  console.log(`${doubled.length} doubled, ${stale.length} stale; ${exits} instances ended by themselves;`)
  console.log(`a write was taken at most ${Math.round(slowestRecoveryMs)} ms after the database was back`)
  return lost.length + doubled.length + stale.length + exits === 0 && acknowledged >= 10_000
}

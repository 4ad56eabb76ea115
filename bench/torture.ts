import { recordHistories } from '../test/support/proofs/histories.ts'
import { isLinearizable } from '../test/support/proofs/linearizability.ts'
import { givenArrivals, sendShuffled } from '../test/support/proofs/arrival-orders.ts'
import { closeTogether, closeWhileTouched, sendKeysTogether } from '../test/support/proofs/races.ts'
import { writeThroughKills } from '../test/support/proofs/write-through-kills.ts'
import { startDeployment, type Deployment } from '../test/support/proofs/deployment.ts'
import { countStaleRollups, listStaleDeals } from '../test/support/proofs/stale-rows.ts'

// The long form of the race and kill tests: three processes of the service on a PostgreSQL with full durability.
const proofs: Readonly<Record<string, (deployment: Deployment) => Promise<boolean>>> = {
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
  const deployment = await startDeployment(3)
  try {
    for (let n = 0; n < 10; n++) {
      await deployment.instances[0]?.('POST', '/partners', {
        id: `p${n}`,
        name: `P ${n}`,
        email: `p${n}@example.com`,
      })
    }
    const holds = await prove(deployment)
    console.log(
      `${holds ? 'holds' : 'BROKEN'}: ${name}, ${Math.round((performance.now() - begin) / 1000)} s\n`,
    )
    if (!holds) process.exitCode = 1
  } finally {
    await deployment.close()
  }
}

async function proveKeys({ instances, db }: Deployment): Promise<boolean> {
  const answers = await sendKeysTogether(instances, { keys: 1000, copies: 25 })
  const rows = await db.selectFrom('events').select('deal_id').execute()
  const deals = new Set(rows.map(({ deal_id }) => deal_id)).size
  const statuses = new Set(answers.flatMap(({ statuses }) => Object.keys(statuses)))
  const bodies = answers.filter(({ bodies }) => bodies !== 1).length
  console.log(
    `1,000 keys x 25 requests: ${rows.length} rows for ${deals} keys, statuses ${[...statuses].join(' ')},`,
  )
  console.log(`${bodies} keys without exactly one distinct success body`)
  const isExpected = [...statuses].every((status) => status === '201' || status === '409')
  return rows.length === 1000 && deals === 1000 && bodies === 0 && isExpected
}

async function proveRaces(deployment: Deployment): Promise<boolean> {
  const unexpected = await closeWhileTouched(deployment.instances, 600)
  let wrong = 0
  for (let n = 0; n < 50; n++) {
    const same = await closeTogether(deployment.instances, `same-${n}`, true)
    const other = await closeTogether(deployment.instances, `other-${n}`, false)
    if (same.statuses[201] !== 1 || same.statuses[200] !== 7) wrong += 1
    if (other.statuses[201] !== 1 || other.statuses[409] !== 7) wrong += 1
  }
  const stale = await listStaleDeals(deployment.db)
  const rollups = await countStaleRollups(deployment.db)
  console.log(
    `600 deals closed while 3 events each arrive: ${stale.length} stale deals, ${rollups} stale rollups,`,
  )
  const busy = unexpected.filter(({ status }) => status === 503).length
  console.log(`${busy} calls refused for load, ${unexpected.length - busy} unexpected answers;`)
  console.log(`100 deals closed by 8 clients at once: ${wrong} wrong`)
  return stale.length + rollups + wrong === 0 && unexpected.length === busy
}

async function proveHistories({ instances }: Deployment): Promise<boolean> {
  const histories = await recordHistories(instances, { deals: 2000 })
  const broken = histories.filter((calls) => !isLinearizable(calls))
  const calls = histories.reduce((sum, { length }) => sum + length, 0)
  console.log(`${histories.length} histories of ${calls} calls: ${broken.length} not linearizable`)
  return histories.length === 2000 && broken.length === 0
}

async function proveOrders(first: Deployment): Promise<boolean> {
  const arrivals = givenArrivals(10_000, 1)
  const splits = [await runOn(first, arrivals, 2)]
  for (const seed of [3, 4]) {
    const deployment = await startDeployment(1)
    try {
      splits.push(await runOn(deployment, arrivals, seed))
    } finally {
      await deployment.close()
    }
  }
  const distinct = new Set(splits).size
  console.log(
    `10,000 events in three orders and batchings: ${distinct} distinct set of splits of 1,000 deals`,
  )
  return distinct === 1
}

async function runOn(
  { instances: [send] }: Deployment,
  arrivals: ReturnType<typeof givenArrivals>,
  seed: number,
) {
  if (send === undefined) throw new Error('There is no instance.')
  for (let n = 0; n < 10; n++) {
    await send('POST', '/partners', { id: `p${n}`, name: `P ${n}`, email: `p${n}@example.com` })
  }
  return sendShuffled(send, arrivals, seed)
}

async function proveKills(deployment: Deployment): Promise<boolean> {
  const report = await writeThroughKills(deployment, { kills: 50, writers: 24, acknowledged: 20_000 })
  const stale = await listStaleDeals(deployment.db)
  const { kills, acknowledged, retried, lost, doubled, exits, slowestRecoveryMs } = report
  console.log(
    `${kills} kills, ${acknowledged} acknowledged writes and ${retried} retried: ${lost.length} lost,`,
  )
  console.log(`${doubled.length} doubled, ${stale.length} stale; ${exits} instances ended without a kill;`)
  console.log(
    `the first write succeeded at most ${Math.round(slowestRecoveryMs)} ms after the restart of the database`,
  )
  return lost.length + doubled.length + stale.length + exits === 0 && acknowledged >= 10_000
}

import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rankPartners } from '../src/analytics/partner-queries.ts'
import { countTouchpoints, findOverview, listCurrencies, listRecentDeals } from '../src/analytics/queries.ts'
import { issueKey } from '../src/api-keys/issue.ts'
import { buildApp } from '../src/app.ts'
import { readEnvironment } from '../src/config.ts'
import { connect } from '../src/database/connect.ts'
import { startEmbedded } from '../src/postgres/embedded.ts'
import { migrateAsOwner } from '../src/database/open.ts'
import { foldChanges } from '../src/rollups/fold.ts'
import { givenHistory, rollFilter } from '../test/analytics/history.ts'
import { createDice } from '../test/support/dice.ts'
import { analyticsByPlainSql } from '../test/analytics/plain.ts'

const ranges = Number(process.argv[2] ?? 100_000)
const deals = 1000

const dataDir = await mkdtemp(join(tmpdir(), 'partner-attribution-ranges-'))
const embedded = await startEmbedded({ dataDir, log: () => {}, settings: ['fsync=off'] })
await migrateAsOwner(embedded.ownerUrl, embedded.url, console)
const db = connect({ url: embedded.url, max: 2, log: console })
try {
  const dice = createDice(1)
  await record(dice)
  const began = performance.now()
  let next = 0
  const compareSome = async () => {
    while (next < ranges) {
      next += 1
      if (next === ranges >> 1) await foldChanges(db)
      if (next % 10_000 === 0) console.error(`${next} ranges`)
      await compare(rollFilter(dice))
    }
  }
  await Promise.all([compareSome(), compareSome()])
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  console.log(`${ranges} ranges of ${deals} deals: rollups and plain SQL say the same (${seconds} s)`)
} finally {
  await db.destroy()
  await embedded.stop()
  await rm(dataDir, { recursive: true, force: true })
}

/** Through the service, so that its own triggers and versions are what is compared; half of it folded. */
async function record(dice: (limit: number) => number): Promise<void> {
  const app = await buildApp({ ...readEnvironment({}), payoutKeys: new Map() }, db)
  const { key } = await issueKey(db, { name: 'bench', scopes: ['admin'], rate_limit_max: 1_000_000_000 })
  const call = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload: object = {}) =>
    app.inject({ method, url, payload, headers: { 'x-api-key': key } })
  await givenHistory({ call }, dice, deals / 2)
  await foldChanges(db)
  await givenHistory({ call }, dice, deals / 2, 'more')
  await app.close()
}

async function compare({ query, period }: ReturnType<typeof rollFilter>): Promise<void> {
  const figures = {
    ...(await findOverview(db, period)),
    partners: (await rankPartners(db, period, { limit: 20 })).partners,
    touchpoints: await countTouchpoints(db, period),
    recent_deals: await listRecentDeals(db, period),
    currencies: await listCurrencies(db),
  }
  assert.deepStrictEqual(figures, await analyticsByPlainSql(db, period), query)
}

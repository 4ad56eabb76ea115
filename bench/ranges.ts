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
import { migrateAsOwner } from '../src/database/open-database.ts'
import { foldChanges } from '../src/rollups/fold.ts'
import { givenHistory, randomFilter } from '../test/analytics/random-history.ts'
import { createRandom } from '../test/support/random.ts'
import { analyticsByPlainSql } from '../test/analytics/plain-sql.ts'

const ranges = Number(process.argv[2] ?? 100_000)
const deals = 1000

const dataDir = await mkdtemp(join(tmpdir(), 'partner-attribution-ranges-'))
const embedded = await startEmbedded({ dataDir, log: () => {}, settings: ['fsync=off'] })
await migrateAsOwner(embedded.ownerUrl, embedded.url, console)
const db = connect({ url: embedded.url, max: 2, log: console })
try {
  const random = createRandom(1)
  await record(random)
  const began = performance.now()
  let next = 0
  const compareSome = async () => {
    while (next < ranges) {
      next += 1
      if (next === ranges >> 1) await foldChanges(db)
      if (next % 10_000 === 0) console.error(`${next} ranges`)
      await compare(randomFilter(random))
    }
  }
  await Promise.all([compareSome(), compareSome()])
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  console.log(`${ranges} ranges of ${deals} deals: rollups and plain SQL agree (${seconds} s)`)
} finally {
  await db.destroy()
  await embedded.stop()
  await rm(dataDir, { recursive: true, force: true })
}

/** Records a history through the service, so that its triggers and versions are compared. Half of it is folded. */
async function record(random: (limit: number) => number): Promise<void> {
  const app = await buildApp({ ...readEnvironment({}), payoutKeys: new Map() }, db)
  const { key } = await issueKey(db, { name: 'bench', scopes: ['admin'], rate_limit_max: 1_000_000_000 })
  const call = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload: object = {}) =>
    app.inject({ method, url, payload, headers: { 'x-api-key': key } })
  await givenHistory({ call }, random, deals / 2)
  await foldChanges(db)
  await givenHistory({ call }, random, deals / 2, 'more')
  await app.close()
}

async function compare({ query, period }: ReturnType<typeof randomFilter>): Promise<void> {
  const answered = {
    ...(await findOverview(db, period)),
    partners: (await rankPartners(db, period, { limit: 20 })).partners,
    touchpoints: await countTouchpoints(db, period),
    recent_deals: await listRecentDeals(db, period),
    currencies: await listCurrencies(db),
  }
  assert.deepStrictEqual(answered, await analyticsByPlainSql(db, period), query)
}

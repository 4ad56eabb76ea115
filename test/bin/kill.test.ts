import t from 'tap'
import { writeThroughKills } from '../support/proofs/crash.ts'
import { openSite } from '../support/proofs/site.ts'
import { listStaleDeals } from '../support/proofs/stale.ts'

t.test('no acknowledged write is lost or doubled when the service and its database are killed', async (t) => {
  const site = await openSite(2)
  t.teardown(() => site.close())
  await site.instances[0]!('POST', '/partners', { id: 'p1', name: 'Alice', email: 'alice@example.com' })

  const toll = await writeThroughKills(site, { kills: 4, writers: 12, acknowledged: 400 })

  t.match(toll, { kills: 4, lost: [], doubled: [], exits: 0 })
  t.ok(toll.acknowledged >= 400)
  t.ok(toll.slowestRecoveryMs < 5000, 'within five seconds of the database')
  t.strictSame(await listStaleDeals(site.db), [])
})

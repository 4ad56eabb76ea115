import t from 'tap'
import { writeThroughKills } from '../support/proofs/write-through-kills.ts'
import { startDeployment } from '../support/proofs/deployment.ts'
import { listStaleDeals } from '../support/proofs/stale-rows.ts'

t.test('no acknowledged write is lost or doubled when the service and its database are killed', async (t) => {
  const deployment = await startDeployment(2)
  t.teardown(() => deployment.close())
  await deployment.instances[0]!('POST', '/partners', { id: 'p1', name: 'Alice', email: 'alice@example.com' })

  const report = await writeThroughKills(deployment, { kills: 4, writers: 12, acknowledged: 400 })

  t.match(report, { kills: 4, lost: [], doubled: [], exits: 0 })
  t.ok(report.acknowledged >= 400)
  t.strictSame(await listStaleDeals(deployment.db), [])
})

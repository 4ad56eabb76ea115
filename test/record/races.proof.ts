import { sql } from 'kysely'
import t from 'tap'
import { givenTouchpoints } from '../support/fixtures.ts'
import { closeTogether, closeWhileTouched, fillTogether } from '../support/proofs/races.ts'
import { createInstances } from '../support/proofs/instances.ts'
import { countStaleRollups, listStaleDeals } from '../support/proofs/stale-rows.ts'

t.test('races of closes, events, amendments and recalculations leave no stale split', async (t) => {
  const { instances, db } = await createInstances(t, 3)

  const unexpected = await closeWhileTouched(instances, 60)

  t.strictSame(unexpected, [])
  t.strictSame(await listStaleDeals(db), [])
  t.equal(await countStaleRollups(db), 0)
})

t.test('when eight clients close a deal at once, one gets 201 and the others get 200 or 409', async (t) => {
  const { instances } = await createInstances(t, 3)

  for (let n = 0; n < 5; n++) {
    const same = await closeTogether(instances, `same-${n}`, true)
    const other = await closeTogether(instances, `other-${n}`, false)

    t.strictSame(same.statuses, { 200: 7, 201: 1 })
    t.strictSame(other, { statuses: { 201: 1, 409: 7 }, bodies: 1, codes: ['deal_exists'] })
  }
})

t.test('clients that race for the last touchpoints of a deal fill it to exactly 5,000', async (t) => {
  const { instances, db } = await createInstances(t, 3)
  const deals = ['full-0', 'full-1', 'full-2']
  for (const deal_id of deals) await givenTouchpoints({ db }, { deal_id, count: 4960, partners: 10 })

  const { stored, unexpected } = await fillTogether(instances, deals, 60)

  const { rows } = await sql`
    select deal_id, count(*)::int as count from events group by deal_id order by deal_id`.execute(db)
  t.strictSame(unexpected, [])
  t.strictSame(
    rows,
    deals.map((deal_id) => ({ deal_id, count: 5000 })),
  )
  t.equal(stored, 40 * deals.length)
})

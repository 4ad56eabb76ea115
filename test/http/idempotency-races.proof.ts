import t from 'tap'
import { sql } from 'kysely'
import { createInstances } from '../support/proofs/instances.ts'
import { sendKeysTogether } from '../support/proofs/races.ts'

t.test('identical requests with one Idempotency-Key store one event across three instances', async (t) => {
  const { instances, db } = await createInstances(t, 3)

  const answers = await sendKeysTogether(instances, { keys: 40, copies: 25 })

  const { rows } = await sql`select count(*)::int, count(distinct deal_id)::int as deals from events`.execute(
    db,
  )
  t.strictSame(rows, [{ count: 40, deals: 40 }])
  for (const { statuses, bodies, codes } of answers) {
    t.equal(bodies, 1)
    t.strictSame(
      Object.keys(statuses).filter((status) => !['201', '409'].includes(status)),
      [],
    )
    t.strictSame(
      codes.filter((code) => code !== 'request_in_flight'),
      [],
    )
  }
})

import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import t from 'tap'
import { admitService } from '../../src/database/roles.ts'
import { verifyRollups } from '../../src/rollups/verify.ts'
import { givenHistory } from '../analytics/random-history.ts'
import { createRandom } from '../support/random.ts'
import { analyticsByPlainSql } from '../analytics/plain-sql.ts'
import { createApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenEvent } from '../support/fixtures.ts'

t.test('the service runs on events partitioned by the statements of docs/scaling.md', async (t) => {
  const service = await createApp(t)
  const { call, db } = service
  await givenHistory(service, createRandom(8), 10)
  const [, statements = ''] = /```sql\n(.*?)```/s.exec(await readFile('docs/scaling.md', 'utf8')) ?? []

  const owner = connectAsOwner(t, service.url)
  await sql.raw(statements).execute(owner)
  await admitService(owner, service.url)
  await givenHistory(service, createRandom(9), 20, 'new')
  const event = { id: 'once', partner_id: 'p1', deal_id: 'new1', timestamp: '2025-01-01T00:00:00Z' }
  await givenEvent(service, event)
  const again = await call('POST', '/events', { touchpoint_type: 'referral', ...event })
  const other = await call('POST', '/events', { touchpoint_type: 'demo', ...event })

  t.equal(again.statusCode, 200)
  t.equal(other.statusCode, 409)
  t.notOk((await verifyRollups(db)).some(({ differing }) => differing > 0))
  const answer = await call('GET', '/analytics')
  const { overview, touchpoints } = await analyticsByPlainSql(db, { currency: 'USD' })
  t.match(answer.json(), { overview, touchpoints })
})

import { sql } from 'kysely'
import t from 'tap'
import { connect } from '../../src/database/connect.ts'
import { createDatabase } from '../support/database.ts'
import { quietLog } from '../support/log.ts'

t.test('a connection that is lost between two statements of a transaction is logged', async (t) => {
  const { url } = await createDatabase(t)
  const lost = Promise.withResolvers<string>()
  const db = connect({ url, log: { error: (_, message) => lost.resolve(message), debug: () => {} } })
  t.teardown(() => db.destroy())

  const transaction = db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
    await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(db)
    t.equal(await lost.promise, 'a database connection was lost')
    await sql`select 1`.execute(trx)
  })

  await t.rejects(transaction)
  t.match(await sql`select 1 as answer`.execute(db), { rows: [{ answer: 1 }] }, 'the pool replaces it')
})

t.test(
  'timestamps are read as ISO 8601 texts with milliseconds, whatever the time zone of the session',
  async (t) => {
    const { url } = await createDatabase(t)
    const db = connect({ url, max: 1, log: quietLog })
    t.teardown(() => db.destroy())
    const texts = ['2024-02-29T23:59:59.000Z', '2024-01-31T10:00:00.500Z', '2024-01-31T10:00:00.050Z']
    const finer = '2024-01-31T10:00:00.123456Z'

    for (const zone of ['UTC', 'Asia/Kathmandu', 'America/New_York', 'Europe/London']) {
      await sql`select set_config('TimeZone', ${zone}, false)`.execute(db)
      const { rows } = await sql<{ at: string }>`
      select at from unnest(${[...texts, finer]}::timestamptz[]) as at`.execute(db)
      t.strictSame(
        rows.map(({ at }) => at),
        [...texts, '2024-01-31T10:00:00.123Z'],
        zone,
      )
    }
  },
)

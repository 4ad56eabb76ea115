import { sql } from 'kysely'
import t from 'tap'
import { connect } from '../../src/database/connect.ts'
import { createDatabase } from '../support/database.ts'

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

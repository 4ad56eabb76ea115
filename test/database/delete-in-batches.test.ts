import { sql } from 'kysely'
import t from 'tap'
import { deleteInBatches } from '../../src/database/delete-in-batches.ts'
import { createApp, type TestApp } from '../support/app.ts'

const hasEnded = sql<boolean>`ends_at <= clock_timestamp()`

async function givenWindows({ db }: TestApp, subjects: readonly string[], endsAt: string) {
  await sql`
    insert into rate_limits (subject, ends_at, taken)
    select subject, ${endsAt}, 1 from unnest(${subjects}::text[]) as subject`.execute(db)
}

async function listSubjects({ db }: TestApp): Promise<readonly string[]> {
  const rows = await db.selectFrom('rate_limits').select('subject').orderBy('subject').execute()
  return rows.map(({ subject }) => subject)
}

t.test('deleteInBatches deletes more rows than one statement takes and keeps the others', async (t) => {
  const service = await createApp(t)
  const ended = Array.from({ length: 5001 }, (_, index) => `ended-${index}`)
  await givenWindows(service, ended, '2020-01-01T00:00:00Z')
  await givenWindows(service, ['running'], '2999-01-01T00:00:00Z')

  const deleted = await deleteInBatches(service.db, 'rate_limits', hasEnded)

  t.equal(deleted, 5001)
  t.strictSame(await listSubjects(service), ['running'])
})

t.test('deleteInBatches keeps a row that another transaction renews at the same time', async (t) => {
  const service = await createApp(t)
  await givenWindows(service, ['idle', 'renewed'], '2020-01-01T00:00:00Z')

  const deleted = await service.db.transaction().execute(async (trx) => {
    await trx
      .updateTable('rate_limits')
      .set({ ends_at: '2999-01-01T00:00:00Z' })
      .where('subject', '=', 'renewed')
      .execute()
    return deleteInBatches(service.db, 'rate_limits', hasEnded)
  })

  t.equal(deleted, 1)
  t.strictSame(await listSubjects(service), ['renewed'])
})

import { sql } from 'kysely'
import t from 'tap'
import { listJobs } from '../../src/jobs/list-jobs.ts'
import { givenHistory } from '../analytics/random-history.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { createRandom } from '../support/random.ts'

async function runAll({ db }: TestApp): Promise<void> {
  await Promise.all(listJobs(db, 'UTC').map(({ run }) => run()))
}

const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString()

t.test('the jobs delete stored answers after 72 hours', async (t) => {
  const service = await createApp(t)
  const answers = [71, 73, 1000].map((hours) => ({
    key_hash: Buffer.from(`${hours} hours`),
    request_hash: Buffer.of(0),
    status: 201,
    answer: '{}',
    created_at: hoursAgo(hours),
  }))
  await service.db.insertInto('idempotency_keys').values(answers).execute()

  await runAll(service)

  const kept = await service.db.selectFrom('idempotency_keys').select('key_hash').execute()
  t.strictSame(
    kept.map(({ key_hash }) => key_hash.toString()),
    ['71 hours'],
  )
})

t.test('the jobs delete more stored answers than one statement takes', async (t) => {
  const service = await createApp(t)
  await sql`
    insert into idempotency_keys (key_hash, request_hash, status, answer, created_at)
    select int4send(n), int4send(n), 201, '{}', ${hoursAgo(73)}
    from generate_series(1, 5001) as n`.execute(service.db)

  await runAll(service)

  t.strictSame(await service.db.selectFrom('idempotency_keys').select('status').execute(), [])
})

t.test('the jobs delete the rate limit windows that have ended', async (t) => {
  const service = await createApp(t)
  const windows = { ended: hoursAgo(1), running: hoursAgo(-1) }
  const rows = Object.entries(windows).map(([subject, ends_at]) => ({ subject, ends_at, taken: 1n }))
  await service.db.insertInto('rate_limits').values(rows).execute()

  await runAll(service)

  const kept = await service.db.selectFrom('rate_limits').select('subject').execute()
  t.strictSame(kept, [{ subject: 'running' }])
})

t.test('the jobs fold all changes into the rollups', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(10), 10)
  const count = async () => {
    const { rows } = await sql`
      select from deal_deltas union all select from partner_deltas union all select from touchpoint_deltas`.execute(
      service.db,
    )
    return rows.length
  }
  const before = await count()

  await runAll(service)

  t.ok(before > 0)
  t.equal(await count(), 0)
})

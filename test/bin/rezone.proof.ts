import t from 'tap'
import { createHome, runCommand, startService } from './processes.ts'

t.test('npm run rezone dates everything again, while a forgotten instance writes nothing', async (t) => {
  const { databaseUrl, db, key, folder } = await createHome(t)
  const forgotten = await startService(t, { databaseUrl, folder })
  const send = async (path: string, body: object) => {
    const headers = { 'x-api-key': key, 'content-type': 'application/json' }
    const answer = await fetch(`${forgotten.url}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    await answer.body?.cancel()
    return answer.status
  }
  const event = { partner_id: 'p1', touchpoint_type: 'demo', timestamp: '2026-06-30T20:00:00Z' }
  await send('/partners', { id: 'p1', name: 'P', email: 'p@example.com' })
  await send('/events', { ...event, deal_id: 'd0' })
  const isRezoned = new AbortController()
  let stored = 1
  const writing = (async () => {
    let last = 0
    for (let n = 1; !isRezoned.signal.aborted; n += 1) {
      last = await send('/events', { ...event, deal_id: `d${n}` })
      if (last === 201) stored += 1
    }
    return last
  })()

  const environment = { folder, env: { DATABASE_URL: databaseUrl, TIME_ZONE: 'Australia/Sydney' } }
  const rezoned = await runCommand('src/bin/rezone.ts', [], environment)
  isRezoned.abort()

  t.equal(await writing, 503)
  t.match(rezoned, { code: 0, stdout: /touchpoints and 0 deals have another day in Australia\/Sydney/ })
  const days = await db.selectFrom('events').select('happened_on').execute()
  t.strictSame(
    days.map(({ happened_on }) => happened_on),
    Array.from({ length: stored }, () => '2026-07-01'),
  )
  const refused = await runCommand('src/bin/serve.ts', [], { folder, env: { DATABASE_URL: databaseUrl } })
  t.match(refused, { code: 1, stderr: /TIME_ZONE is UTC, but .* dated in Australia\/Sydney/ })
  const help = await runCommand('src/bin/rezone.ts', ['--help'], environment)
  const unknown = await runCommand('src/bin/rezone.ts', ['--now'], environment)
  t.match(
    [help, unknown],
    [
      { code: 0, stdout: /^Usage: npm run rezone/ },
      { code: 1, stderr: /--now/ },
    ],
  )
})

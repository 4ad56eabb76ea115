import t from 'tap'
import { sql } from 'kysely'
import { createApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenPartner } from '../support/fixtures.ts'
import { captureLog } from '../support/log.ts'

t.test('the log has one line for each request, with its key, route, status and duration', async (t) => {
  const { log, lines } = captureLog('info')
  const service = await createApp(t, { log })
  const { id } = await service.db.selectFrom('api_keys').select('id').executeTakeFirstOrThrow()

  const answer = await service.call('GET', '/partners/nobody?secret=1')
  await service.app.inject('/nowhere/at/all')

  const served = lines().filter(({ msg }) => msg === 'request served')
  t.match(served, [
    {
      request_id: answer.headers['x-request-id'],
      key_id: id,
      method: 'GET',
      route: '/partners/:partnerId',
      status: answer.statusCode,
      ms: Number,
    },
    { method: 'GET', status: 404 },
  ])
  t.equal(served.length, 2)
  t.notMatch(JSON.stringify(served), /nobody|secret|nowhere/)
})

t.test('a driver error is logged without the row it quotes and is not sent to the client', async (t) => {
  const { log, lines, text } = captureLog()
  const service = await createApp(t, { log })
  await sql`alter table partners add constraint no_acme check (name <> 'Acme')`.execute(
    connectAsOwner(t, service.url),
  )

  const failed = await service.call('POST', '/partners', { name: 'Acme', email: 'canary@acme.example' })

  t.match(failed.json(), { status: 500, code: 'internal_error', detail: /logged/ })
  t.notMatch(failed.body, /no_acme|canary|constraint/)
  const { err } = lines().find(({ msg }) => msg === 'request failed') as { err: object }
  t.match(err, { code: '23514', message: /no_acme/, stack: /queries\.ts|register\.ts/ })
  t.notMatch(text(), /canary|Failing row/)
})

t.test('a conflict found by the database is a 409 without the message of the database', async (t) => {
  const { log, text } = captureLog()
  const service = await createApp(t, { log })
  await givenPartner(service, 'canary')
  await givenPartner(service, 'other')

  const refused = await service.call('PATCH', '/partners/other', { email: 'canary@example.com' })

  t.match(refused.json(), { status: 409, code: 'email_taken' })
  t.notMatch(text(), /canary@/)
})

t.test('the log contains no keys, bodies or headers, whatever the outcome of a request', async (t) => {
  const { log, text } = captureLog()
  const { app, call, key } = await createApp(t, { log })
  const mistyped = key.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  const body = { name: 'canary name', email: 'canary@example.com', payout_details: { iban: 'canary iban' } }

  await call('POST', '/partners', body, { 'idempotency-key': 'canary-key' })
  await call('POST', '/partners', { ...body, canary: 'canary' })
  await call('GET', '/partners?email=canary@example.com')
  await app.inject({ method: 'POST', url: '/partners', headers: { 'x-api-key': mistyped }, payload: body })
  await app.inject({
    method: 'POST',
    url: '/partners',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    payload: '{"canary',
  })

  const written = text()
  t.match(written, /request served/)
  for (const secret of [key, mistyped, key.slice(3, 35), 'canary']) t.notOk(written.includes(secret))
})

t.test('the log redacts the cause of an error like the error itself', async (t) => {
  const { log, lines } = captureLog()
  const cause = Object.assign(new Error('the cause'), { code: '23505', detail: 'Key (email)=(canary)' })

  log.error({ err: new TypeError('the error', { cause }) }, 'a fault')
  log.error({ err: 'canary' }, 'no error')

  t.match(lines(), [
    { err: { type: 'TypeError', message: 'the error', cause: { message: 'the cause', code: '23505' } } },
    { err: { type: 'string' } },
  ])
  t.notMatch(JSON.stringify(lines()), /canary/)
})

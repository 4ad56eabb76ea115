import t from 'tap'
import { once } from 'node:events'
import { type IncomingMessage, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenPartner } from '../support/fixtures.ts'

const touch = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo', timestamp: '2025-01-01T00:00:00Z' }

function importLines({ app, key }: TestApp, payload: string | Buffer, contentType = 'application/x-ndjson') {
  return app.inject({
    method: 'POST',
    url: '/events/import',
    headers: { 'x-api-key': key, 'content-type': contentType },
    payload,
  })
}

const toLines = (events: readonly object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('')

t.test(
  'an import stores its events and splits closed deals again, and a second run changes nothing',
  async (t) => {
    const service = await createApp(t)
    await givenPartner(service, 'p1')
    await givenDeal(service, { id: 'd1', amount: 100 })
    const lines = toLines(
      Array.from({ length: 2500 }, (_, n) => ({
        ...touch,
        kind: 'event',
        id: `e${n}`,
        deal_id: `d${n % 7}`,
      })),
    )

    const first = await importLines(service, lines)
    const second = await importLines(service, lines)

    t.equal(first.statusCode, 200)
    t.strictSame(first.json(), { accepted: 2500, duplicates: 0, refused: 0, refusals: [] })
    t.strictSame(second.json(), { accepted: 0, duplicates: 2500, refused: 0, refusals: [] })
    t.match((await service.call('GET', '/attribution/d1')).json(), {
      attributions: [{ payout: 100, touchpoints: 357 }],
    })
  },
)

t.test('an import reports bad lines and stores the others', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const lines = [
    JSON.stringify({ ...touch, id: 'e1' }),
    '',
    '{"id": "e2"',
    JSON.stringify({ ...touch }),
    JSON.stringify({ ...touch, id: 'e3', partner_id: 'nobody' }),
    JSON.stringify({ ...touch, id: 'e1', deal_id: 'd2' }),
    JSON.stringify({ ...touch, id: 'e4', kind: 'deal' }),
    JSON.stringify({ ...touch, id: 'e5', timestamp: '2999-01-01T00:00:00Z' }),
    JSON.stringify({ ...touch, id: 'e6', metadata: { note: 'x'.repeat(200_000) } }),
    JSON.stringify({ ...touch, id: 'e7' }),
  ]

  const report = await importLines(service, lines.join('\n'))

  t.equal(report.statusCode, 200)
  t.match(report.json(), {
    accepted: 2,
    duplicates: 0,
    refused: 7,
    refusals: [
      { line: 3, code: 'malformed_request', detail: 'The line is not valid JSON.', errors: [] },
      { line: 4, code: 'invalid_request', errors: [{ pointer: '/id' }] },
      { line: 5, code: 'unknown_reference', errors: [{ pointer: '/partner_id' }] },
      { line: 6, code: 'event_exists', errors: [{ pointer: '/id' }] },
      { line: 7, code: 'invalid_request', errors: [{ pointer: '/kind' }] },
      { line: 8, code: 'invalid_request', errors: [{ pointer: '/timestamp' }] },
      { line: 9, code: 'malformed_request', detail: 'The line is longer than 128 kB.' },
    ],
  })
  const { rows } = await sql`select id from events order by id`.execute(service.db)
  t.strictSame(rows, [{ id: 'e1' }, { id: 'e7' }])
})

t.test('an import refuses other content types, a missing body and a missing key', async (t) => {
  const service = await createApp(t)

  const json = await importLines(service, '{}', 'application/json')
  const none = await service.app.inject({
    method: 'POST',
    url: '/events/import',
    headers: { 'x-api-key': service.key },
  })
  const stranger = await service.app.inject({
    method: 'POST',
    url: '/events/import',
    headers: { 'content-type': 'application/x-ndjson' },
    payload: '',
  })

  t.strictSame([json.statusCode, none.statusCode, stranger.statusCode], [415, 415, 401])
})

t.test('an import may take longer than the request timeout', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  // Node looks once a second for requests that take too long.
  Object.assign(service.app.server, { requestTimeout: 100, headersTimeout: 100 })
  const slow = (path: string, type: string) => sendSlowly(service, path, type)

  const [imported, refused] = await Promise.all([
    slow('/events/import', 'application/x-ndjson'),
    slow('/events', 'application/json'),
  ])

  t.strictSame([imported, refused], [200, 408])
})

async function sendSlowly({ app, key }: TestApp, path: string, type: string): Promise<number | undefined> {
  const { port } = app.server.address() as AddressInfo
  const headers = { 'x-api-key': key, 'content-type': type, connection: 'keep-alive' }
  const request = send({ host: '127.0.0.1', port, path, method: 'POST', headers })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  request.on('error', () => {})
  request.write(`${JSON.stringify({ ...touch, id: 'slow' })}\n`.slice(0, 10))
  await setTimeout(2500)
  request.end(`${JSON.stringify({ ...touch, id: 'slow' })}\n`.slice(10))
  const [response] = await answered
  response.resume()
  return response.statusCode
}

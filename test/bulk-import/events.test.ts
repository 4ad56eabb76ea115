import t from 'tap'
import { once } from 'node:events'
import { type IncomingMessage, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenPartner } from '../support/fixtures.ts'
import { createImporter } from './uploads.ts'

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
  const keyless = await service.app.inject({
    method: 'POST',
    url: '/events/import',
    headers: { 'content-type': 'application/x-ndjson' },
    payload: '',
  })

  t.strictSame([json.statusCode, none.statusCode, keyless.statusCode], [415, 415, 401])
})

t.test('an import may take longer than the request timeout', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  // Node checks the timeouts of all connections at once, every second.
  Object.assign(service.app.server, { requestTimeout: 100, headersTimeout: 100 })
  const line = `${JSON.stringify({ ...touch, id: 'slow' })}\n`
  const upload = service.open()
  await upload.write(line.slice(0, 10))
  await service.clock.waited()

  // The import began before this request, so the check that ends this one would also end the import.
  const cutOff = await sendHalf(service, '/events', line)
  upload.request.end(line.slice(10))

  t.equal(cutOff, 408)
  t.match(await upload.answer, { status: 200, body: { accepted: 1 } })
})

/** Sends the beginning of a JSON body and returns the status of the answer. */
async function sendHalf({ app, key }: TestApp, path: string, body: string): Promise<number | undefined> {
  const { port } = app.server.address() as AddressInfo
  const headers = { 'x-api-key': key, 'content-type': 'application/json', 'content-length': body.length }
  const request = send({ host: '127.0.0.1', port, path, method: 'POST', headers })
  request.on('error', () => {})
  request.write(body.slice(0, 10))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

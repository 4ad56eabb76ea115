import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { createApp } from '../support/app.ts'
import { createListeningApp, exchange } from './raw-http.ts'

interface Answer {
  readonly status: number
  readonly head: string
  readonly body: Readonly<Record<string, unknown>>
}

function parse(text: string): Answer {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2)
  return { status: Number(head.split(' ')[1]), head, body: JSON.parse(body) as Answer['body'] }
}

const close = 'Connection: close\r\n'

t.test('a malformed HTTP request is answered with a problem and does not stop the service', async (t) => {
  const { port, app } = await createListeningApp(t)
  const long = 'x'.repeat(20_000)
  const cases: readonly (readonly [string, number])[] = [
    ['FOO BAR BAZ\r\n\r\n', 400],
    [`GET /health HTTP/1.1\r\n${close}\r\n`, 400],
    [`GET /health HTTP/9.9\r\nHost: x\r\n${close}\r\n`, 400],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    [`GET /health HTTP/1.1\r\nHost: x\r\nX-Bad: a\0b\r\n${close}\r\n`, 400],
    [`GET /health HTTP/1.1\r\nHost: x\r\nX Bad: a\r\n${close}\r\n`, 400],
    [`GET /health HTTP/1.1\r\nHost: x\r\n folded: a\r\n${close}\r\n`, 400],
    [`GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ${long}\r\n${close}\r\n`, 431],
    [`GET /${long} HTTP/1.1\r\nHost: x\r\n${close}\r\n`, 431],
    [
      `POST /partners HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n${close}\r\nabcdef`,
      400,
    ],
    [`POST /partners HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n${close}\r\n`, 400],
    [`POST /partners HTTP/1.1\r\nHost: x\r\nContent-Length: 1e2\r\n${close}\r\n`, 400],
    [
      `POST /partners HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n${close}\r\n0\r\n\r\n`,
      400,
    ],
    [
      `POST /partners HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n${close}\r\n0\r\n\r\n`,
      400,
    ],
  ]

  for (const [request, status] of cases) {
    const text = await exchange(port, request)
    const { head, body, ...answer } = parse(text)
    t.equal(answer.status, status, JSON.stringify(request.slice(0, 60)))
    t.match(head, /content-type: application\/problem\+json/i)
    t.match(body, { status, request_id: /^[0-9a-f-]{36}$/, errors: [] })
    t.ok(head.includes(String(body['request_id'])), 'the request id is also in a header')
  }
  t.equal((await app.inject('/health')).statusCode, 200)
})

t.test('a body with malformed chunks is a 400 and stores nothing', async (t) => {
  const { port, key, db } = await createListeningApp(t)
  const head = `POST /partners HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\n`

  const answer = parse(
    await exchange(port, `${head}Transfer-Encoding: chunked\r\n${close}\r\nzz\r\n{}\r\n0\r\n\r\n`),
  )

  t.match(answer, { status: 400, body: { code: 'malformed_request' } })
  t.strictSame(await db.selectFrom('partners').select('id').execute(), [])
})

t.test('a body shorter than its Content-Length stores nothing', async (t) => {
  const { port, key, db, app } = await createListeningApp(t)
  const body = JSON.stringify({ name: 'Acme', email: 'sales@acme.example' })
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `POST /partners HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length + 10}\r\n\r\n${body}`,
  )

  socket.end()
  await once(socket.resume(), 'close')

  t.equal((await app.inject('/health')).statusCode, 200)
  t.strictSame(await db.selectFrom('partners').select('id').execute(), [])
})

t.test('an absolute target reaches no other host', async (t) => {
  const { port } = await createListeningApp(t)

  const answer = parse(
    await exchange(port, `GET http://169.254.169.254/latest HTTP/1.1\r\nHost: x\r\n${close}\r\n`),
  )

  t.match(answer, { status: 404, body: { code: 'route_not_found' } })
})

t.test('unknown methods and CONNECT are refused', async (t) => {
  const { port } = await createListeningApp(t)

  for (const method of ['TRACE', 'PROPFIND', 'OPTIONS', 'PUT']) {
    const text = await exchange(port, `${method} /deals HTTP/1.1\r\nHost: x\r\n${close}\r\n`)
    t.match(text, /^HTTP\/1\.1 4\d\d /, method)
  }
  const tunnel = parse(await exchange(port, 'CONNECT evil:443 HTTP/1.1\r\nHost: x\r\n\r\n'))
  t.match(tunnel, { status: 404, body: { code: 'route_not_found' } })
})

t.test('Expect: 100-continue gets a 100, and other expectations are ignored', async (t) => {
  const { port, key } = await createListeningApp(t)
  const body = JSON.stringify({ name: 'Acme', email: 'sales@acme.example' })
  const head =
    `POST /partners HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n${close}`

  const waited = await exchange(port, `${head}Expect: 100-continue\r\n\r\n${body}`)
  const other = await exchange(port, `${head}Expect: magic\r\n\r\n${body}`)

  t.match(waited, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /)
  t.match(other, /^HTTP\/1\.1 409 /)
})

t.test('slow headers and slow bodies are cut off with a 408', async (t) => {
  const { port, key, app, db } = await createListeningApp(t)
  Object.assign(app.server, { headersTimeout: 300, requestTimeout: 600 })
  const head = `POST /partners HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\n`

  const [headers, body] = await Promise.all([
    exchange(port, head),
    exchange(port, `${head}Content-Length: 100\r\n\r\n{"name":"Acme",`),
  ])

  for (const answer of [parse(headers), parse(body)])
    t.match(answer, { status: 408, body: { code: 'request_timeout' } })
  t.strictSame(await db.selectFrom('partners').select('id').execute(), [])
})

t.test('the server limits the time for headers, requests and idle connections', async (t) => {
  const { app } = await createApp(t)
  const { headersTimeout, requestTimeout, keepAliveTimeout } = app.server

  t.strictSame(
    { headersTimeout, requestTimeout, keepAliveTimeout },
    { headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 75_000 },
  )
})

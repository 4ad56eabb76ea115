import { once } from 'node:events'
import { request as open } from 'node:http'
import t from 'tap'
import { createApp } from '../support/app.ts'
import { createListeningApp, exchange } from './raw-http.ts'

const json = 'Content-Type: application/json\r\n'
const close = 'Connection: close\r\n'

/** Encodes ASCII text for Transfer-Encoding: chunked, in chunks of `size` bytes. */
function inChunks(text: string, size = 1): string {
  return text.replace(new RegExp(`[^]{${size}}`, 'g'), (bytes) => `${size.toString(16)}\r\n${bytes}\r\n`)
}

interface Head {
  readonly method?: string
  readonly path?: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends only the head of a request and returns the status of the answer. */
async function sendHead(port: number, { method = 'POST', path = '/events', headers }: Head) {
  const request = open({ host: '127.0.0.1', port, method, path, headers })
  const continued = { isSeen: false }
  request.on('continue', () => (continued.isSeen = true)).on('error', () => {})
  request.flushHeaders()
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream & { statusCode: number }]
  response.resume()
  request.destroy()
  return { status: response.statusCode, isContinued: continued.isSeen }
}

t.test('a request without a key or for an unknown route is answered before its body arrives', async (t) => {
  const { port, key, call } = await createListeningApp(t)
  await call('GET', '/partners')
  const announced = { 'content-type': 'application/json', 'content-length': '1000000' }
  const chunked = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }

  for (const headers of [announced, chunked]) {
    t.equal((await sendHead(port, { headers })).status, 401)
    t.equal((await sendHead(port, { path: '/nowhere', headers })).status, 404)
    t.equal((await sendHead(port, { method: 'PUT', headers: { ...headers, 'x-api-key': key } })).status, 404)
    t.equal((await sendHead(port, { method: 'DELETE', path: '/api-keys/key_1', headers })).status, 401)
  }
})

t.test('a request without a key or for an unknown route gets no 100 Continue', async (t) => {
  const { port, key } = await createListeningApp(t)
  const headers = { 'content-type': 'application/json', 'content-length': '10', expect: '100-continue' }

  const keyless = await sendHead(port, { headers })
  const unknown = await sendHead(port, { path: '/nowhere', headers: { ...headers, 'x-api-key': key } })

  t.strictSame(
    [keyless, unknown],
    [
      { status: 401, isContinued: false },
      { status: 404, isContinued: false },
    ],
  )
})

t.test('a chunked body is read like any other, up to the size limit', async (t) => {
  const { port, key } = await createListeningApp(t)
  const head = `POST /partners HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n${json}${close}Transfer-Encoding: chunked\r\n\r\n`
  const partner = JSON.stringify({ name: 'Acme', email: 'sales@acme.example' })

  const taken = await exchange(port, head, inChunks(partner), '0\r\n\r\n')
  const tooLarge = await exchange(port, head, inChunks(' '.repeat(1_048_592), 16), '0\r\n\r\n')

  t.match(taken, /^HTTP\/1\.1 201 /)
  t.match(tooLarge, /^HTTP\/1\.1 413 .*payload_too_large/s)
})

t.test('pipelined requests are answered in order', async (t) => {
  const { port, key } = await createListeningApp(t)
  const head = (path: string, more = '') =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n${more}\r\n`

  const text = await exchange(
    port,
    ...Array.from({ length: 200 }, () => head('/partners?limit=1') + head('/nowhere')),
    head('/health', close),
  )

  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
  t.strictSame(statuses, [...Array.from({ length: 200 }, () => ['200', '404']).flat(), '200'])
})

t.test('the body of a GET, HEAD or OPTIONS request is ignored', async (t) => {
  const { port, key } = await createListeningApp(t)
  const body = '{"a":1}'
  const send = (method: string) =>
    exchange(
      port,
      `${method} /partners HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n${json}${close}Content-Length: ${body.length}\r\n\r\n${body}`,
    )

  t.match(await send('GET'), /^HTTP\/1\.1 200 /)
  t.match(await send('HEAD'), /^HTTP\/1\.1 200 /)
  t.match(await send('OPTIONS'), /^HTTP\/1\.1 404 /)
})

t.test('long or malformed targets and headers are refused', async (t) => {
  const { port, key } = await createListeningApp(t)
  const send = (path: string, more = '', method = 'GET') =>
    exchange(port, `${method} ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n${more}${close}\r\n`)
  const names = Array.from({ length: 1500 }, (_, n) => `p${n}=1`).join('&')
  const many = Array.from({ length: 1500 }, (_, n) => `X-${n}: 1\r\n`).join('')

  t.match(await send(`/events?${names}`), /^HTTP\/1\.1 400 .*invalid_request/s)
  t.match(await send(`/events?${'deal_id=a&'.repeat(1400)}`), /^HTTP\/1\.1 400 .*invalid_request/s)
  t.match(await send(`/events?${'x'.repeat(15_000)}=1`), /^HTTP\/1\.1 400 .*invalid_request/s)
  t.match(await send(`/${'a/'.repeat(7000)}`), /^HTTP\/1\.1 404 /)
  t.match(await send(`/partners/${'x'.repeat(15_000)}`), /^HTTP\/1\.1 400 /)
  t.match(await send('/partners/a%00b'), /^HTTP\/1\.1 400 /)
  t.match(await send('/%00'), /^HTTP\/1\.1 404 /)
  t.match(await send('/events?deal_id=%00'), /^HTTP\/1\.1 400 /)
  t.match(await send('/health', many), /^HTTP\/1\.1 431 /)
  t.match(
    await send('/deals/d1', `Idempotency-Key: ${'k'.repeat(12_000)}\r\nContent-Length: 0\r\n`, 'PATCH'),
    /^HTTP\/1\.1 400 /,
  )
})

t.test('problems and the answers of routes with a key forbid caching', async (t) => {
  const { app, call } = await createApp(t)

  for (const answer of [
    await call('GET', '/partners'),
    await call('POST', '/partners', { name: 'Acme', email: 'sales@acme.example' }),
    await call('GET', '/partners/nobody'),
    await call('GET', '/partners/%ZZ'),
    await call('GET', '/nowhere'),
    await app.inject('/partners'),
  ]) {
    t.equal(answer.headers['cache-control'], 'no-store', `${answer.statusCode}`)
  }
})

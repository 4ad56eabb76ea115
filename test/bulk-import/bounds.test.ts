import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import type { TestApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'
import { createImporter } from './uploads.ts'

const touch = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo', timestamp: '2025-01-01T00:00:00Z' }

function linesOf(prefix: string, count: number): string {
  return Array.from(
    { length: count },
    (_, n) => `${JSON.stringify({ ...touch, id: `${prefix}${n}` })}\n`,
  ).join('')
}

async function givenKey({ db }: TestApp) {
  return issueKey(db, { name: 'import', scopes: ['write'] })
}

async function untilStored({ db }: TestApp, events: number): Promise<void> {
  for (;;) {
    const { count } = await db
      .selectFrom('events')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .executeTakeFirstOrThrow()
    if (Number(count) === events) return
  }
}

t.test('a key runs one import at a time, a second waits and a third is refused', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  const running = service.open()
  await service.clock.waited()
  const waiting = service.open()
  await waiting.write(linesOf('waiting', 1))

  const third = service.open()
  const refused = await third.answer
  running.request.end(linesOf('running', 1))
  waiting.request.end()

  t.match(refused, { status: 503, retryAfter: /^\d+$/, body: { code: 'too_many_imports' } })
  for (const { answer } of [running, waiting]) t.match(await answer, { status: 200, body: { accepted: 1 } })
})

t.test('a client that disconnects while its import waits frees its place', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  const sockets: Socket[] = []
  service.app.server.on('connection', (socket: Socket) => sockets.push(socket))
  const running = service.open()
  await service.clock.waited()
  const gone = service.open()
  await gone.write(linesOf('gone', 1))
  const refused = await service.open().answer

  gone.request.destroy()
  await once(sockets[1] as Socket, 'close')
  const next = service.open()
  next.request.end(linesOf('next', 1))
  running.request.end(linesOf('running', 1))

  t.equal(refused.status, 503)
  t.match(await next.answer, { status: 200, body: { accepted: 1 } })
  await untilStored(service, 2)
})

t.test('idle uploads do not block imports of other keys', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  const { key } = await givenKey(service)
  for (const { key: other } of await Promise.all([1, 2, 3, 4].map(() => givenKey(service)))) {
    service.open(other)
    service.open(other)
  }
  await service.clock.waited()

  const upload = service.open(key)
  upload.request.end(linesOf('e', 1))

  t.match(await upload.answer, { status: 200, body: { accepted: 1 } })
})

t.test('an idle upload is cut off with a 408, and the waiting import of the same key runs', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  const idle = service.open()
  await service.clock.waited()
  const waiting = service.open()
  waiting.request.end(linesOf('e', 1))

  service.clock.pass(30_000)

  t.match(await idle.answer, { status: 408, body: { code: 'request_timeout', detail: /at least 32 kB/ } })
  t.match(await waiting.answer, { status: 200, body: { accepted: 1 } })
})

t.test('revoking a key ends its import, which stores nothing more', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  const { id, key } = await givenKey(service)
  const upload = service.open(key)
  await upload.write(linesOf('before', 500))
  await untilStored(service, 500)

  await service.call('DELETE', `/api-keys/${id}`)
  await upload.write(linesOf('after', 2000))

  t.match(await upload.answer, { status: 401, body: { code: 'unauthenticated' } })
  await untilStored(service, 500)
})

t.test('a slow import stores its lines every second and ends when its key is revoked', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  const { id, key } = await givenKey(service)
  const upload = service.open(key)
  await service.clock.waited()
  service.clock.pass(1000)
  await upload.write(linesOf('before', 5))
  await untilStored(service, 5)

  await service.call('DELETE', `/api-keys/${id}`)
  await service.clock.waited()
  service.clock.pass(1000)
  await upload.write(linesOf('after', 5))

  t.match(await upload.answer, { status: 401 })
  await untilStored(service, 5)
})

t.test('the service disconnects a client that keeps sending after its answer', async (t) => {
  const service = await createImporter(t)
  const { port } = service.app.server.address() as AddressInfo
  const flood = async (path: string, type: string) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 100000000000\r\n\r\n`,
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    // `once` would reject for the reset that ends the connection.
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const chunk = Buffer.alloc(65_536)
    const pump = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', pump)
    pump()
    await closed
    return answer.toString().slice(0, 12)
  }

  const statuses = await Promise.all([
    flood('/events/import', 'application/x-ndjson'),
    flood('/deals', 'application/json'),
  ])

  t.strictSame(statuses, ['HTTP/1.1 401', 'HTTP/1.1 401'])
})

t.test(
  'the service disconnects a client that stays silent after its answer, and reads the short rest of a body',
  async (t) => {
    const service = await createImporter(t)
    const { port } = service.app.server.address() as AddressInfo
    const head = `POST /events/import HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n`
    const silent = connect(port, '127.0.0.1')
    silent.write(`${head}Content-Length: 100\r\n\r\n`)
    const brief = connect(port, '127.0.0.1')
    brief.write(`${head}Content-Length: 900000\r\n\r\n${'x'.repeat(400_000)}`)
    await once(brief, 'data')

    brief.write(`${'x'.repeat(500_000)}GET /health HTTP/1.1\r\nHost: x\r\n\r\n`)
    const [next] = (await once(brief, 'data')) as [Buffer]
    brief.destroy()
    await once(silent.resume(), 'close')

    t.match(next.toString(), /^HTTP\/1\.1 200 /)
  },
)

t.test('an import report has a maximum size and lists the first bad lines', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  const names = Array.from({ length: 200 }, (_, n) => `${n}${'é'.repeat(300)}`)
  const bad = `${JSON.stringify(Object.fromEntries(names.map((name) => [name, 1])))}\n`
  const upload = service.open()

  upload.request.end(bad.repeat(300) + linesOf('e', 1))
  const { body } = await upload.answer
  const { refusals, ...counts } = body as { refusals: { line: number; errors: object[] }[] }

  t.strictSame(counts, { accepted: 1, duplicates: 0, refused: 300 })
  t.strictSame(
    refusals.map(({ line }) => line),
    refusals.map((_, index) => index + 1),
  )
  t.ok(refusals.every(({ errors }) => errors.length === 10))
  t.ok(Buffer.byteLength(JSON.stringify(refusals)) < 270_000)
})

t.test('an unreadable line is refused, and the import continues', async (t) => {
  const service = await createImporter(t)
  await givenPartner(service, 'p1')
  const depths = [25, 1000, 10_000, 60_000]
  const nested = depths.flatMap((depth) => [
    `${'['.repeat(depth)}1e1${']'.repeat(depth)}`,
    `{"n":1e1,"a":${'['.repeat(depth)}${']'.repeat(depth)}}`,
    `{"n":12345678901234567890,"a":${'{"a":'.repeat(depth / 5)}1${'}'.repeat(depth / 5)}}`,
    '['.repeat(depth),
  ])
  const upload = service.open()

  upload.request.end(`${nested.join('\n')}\n\n \r\n${linesOf('e', 1)}${'x'.repeat(300_000)}`)

  t.match(await upload.answer, {
    status: 200,
    body: { accepted: 1, refused: nested.length + 1, refusals: { length: nested.length + 1 } },
  })
})

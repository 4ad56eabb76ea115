import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { createMetrics } from '../../src/http/metrics.ts'
import { answerProblems } from '../../src/http/problems.ts'
import { limitUnreadAnswers } from '../../src/http/unread-answers.ts'

const large = 'x'.repeat(8_000_000)

/** 20 MB. */
async function* largeChunks() {
  for (let n = 0; n < 100; n += 1) yield Buffer.alloc(200_000)
}

async function listen(t: Test, bounds: Parameters<typeof limitUnreadAnswers>[2], chunks = largeChunks) {
  const app = fastify({ forceCloseConnections: true })
  const metrics = createMetrics()
  answerProblems(app)
  limitUnreadAnswers(app, metrics, bounds)
  app.get('/large', async () => large)
  app.get('/small', async () => 'small')
  app.get('/stream', async () => Readable.from(chunks()))
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return {
    port,
    readMetric: async (name: string) =>
      (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value,
  }
}

/** Waits until a metric has a value. */
async function until(read: () => Promise<number | undefined>, value: number): Promise<void> {
  while ((await read()) !== value) await setImmediate()
}

/** Asks for a large answer and reads none of it. */
function askAndNotRead(port: number, path = '/large'): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  return socket
}

t.test('an answer that the client does not read is given up and counted', async (t) => {
  const { port, readMetric } = await listen(t, { patienceMs: 20, bytesPerMs: 1_000_000 })
  const socket = askAndNotRead(port)

  // The client reads nothing until the service gives up, so it receives only a part.
  await once(socket, 'readable')
  await until(() => readMetric('http_answers_given_up_total'), 1)
  socket.resume()
  await once(socket, 'close')

  t.ok(socket.bytesRead < large.length)
  t.equal(await readMetric('http_answers_waiting_bytes'), 0)
})

t.test('an answer that the client reads arrives whole and stops counting as waiting', async (t) => {
  const { port, readMetric } = await listen(t, { patienceMs: 600_000 })

  const text = await (await fetch(`http://127.0.0.1:${port}/large`)).text()

  t.equal(text.length, large.length)
  await until(() => readMetric('http_answers_waiting_bytes'), 0)
})

t.test('a large answer is a 503 when unread answers use all room, and a small one is sent', async (t) => {
  const { port, readMetric } = await listen(t, {
    mostBytes: 10_000_000,
    patienceMs: 600_000,
    spareMs: 600_000,
  })
  const socket = askAndNotRead(port)
  await once(socket, 'readable')

  const refused = await fetch(`http://127.0.0.1:${port}/large`)
  const small = await fetch(`http://127.0.0.1:${port}/small`)

  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '1')
  t.match(await refused.json(), { code: 'unavailable' })
  t.equal(await small.text(), 'small')
  t.equal(await readMetric('http_answers_given_up_total'), 0)
  socket.destroy()
})

t.test('a large answer takes the room of an unread one that has waited for spareMs', async (t) => {
  const { port } = await listen(t, { mostBytes: 10_000_000, spareMs: 0 })
  const socket = askAndNotRead(port)
  await once(socket, 'readable')

  const answer = await fetch(`http://127.0.0.1:${port}/large`)

  t.equal(answer.status, 200)
  t.equal((await answer.text()).length, large.length)
  socket.resume()
  await once(socket, 'close')
  t.ok(socket.bytesRead < large.length)
})

t.test('a stream that the client does not read is given up and counted', async (t) => {
  const { port, readMetric } = await listen(t, { patienceMs: 20, bytesPerMs: 1_000_000 })
  const socket = askAndNotRead(port, '/stream')

  await once(socket, 'readable')
  await until(() => readMetric('http_answers_given_up_total'), 1)
  socket.resume()
  await once(socket, 'close')

  t.ok(socket.bytesRead < 20_000_000)
  t.equal(await readMetric('http_answers_waiting_bytes'), 0)
})

t.test('the time in which the next chunk of a stream is made does not count', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { port } = await listen(t, { patienceMs: 1, bytesPerMs: 0.001 }, async function* chunks() {
    yield Buffer.from('one,')
    await gate.promise
    yield Buffer.from('two')
  })

  const answer = await fetch(`http://127.0.0.1:${port}/stream`)
  // Each takes longer than a sweep.
  for (let n = 0; n < 10; n += 1) await (await fetch(`http://127.0.0.1:${port}/small`)).text()
  gate.resolve()

  t.equal(await answer.text(), 'one,two')
})

import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { createMetrics } from '../../src/http/metrics.ts'
import { answerProblems } from '../../src/http/problems.ts'
import { giveUpUnreadAnswers } from '../../src/http/unread-answers.ts'

const large = 'x'.repeat(8_000_000)

async function listen(t: Test, bounds: Parameters<typeof giveUpUnreadAnswers>[2]) {
  const app = fastify({ forceCloseConnections: true })
  const metrics = createMetrics()
  answerProblems(app)
  giveUpUnreadAnswers(app, metrics, bounds)
  app.get('/large', async () => large)
  app.get('/small', async () => 'small')
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return {
    port,
    figure: async (name: string) => (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value,
  }
}

/** Waits until a figure has a value; the test's own time-out ends a wait that is in vain. */
async function until(figure: () => Promise<number | undefined>, value: number): Promise<void> {
  while ((await figure()) !== value) await setImmediate()
}

/** Asks for the large answer and reads none of it. */
function askAndNotRead(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  return socket
}

t.test('an answer that nobody reads is given up, and counted', async (t) => {
  const { port, figure } = await listen(t, { patienceMs: 20, bytesPerMs: 1_000_000 })
  const socket = askAndNotRead(port)

  // Nothing is read until the connection is gone: what has arrived by then is not the whole answer.
  await once(socket, 'readable')
  await until(() => figure('http_answers_given_up_total'), 1)
  socket.resume()
  await once(socket, 'close')

  t.ok(socket.bytesRead < large.length)
  t.equal(await figure('http_answers_waiting_bytes'), 0)
})

t.test('an answer that its client reads arrives whole and waits no longer', async (t) => {
  const { port, figure } = await listen(t, { patienceMs: 20_000 })

  const text = await (await fetch(`http://127.0.0.1:${port}/large`)).text()

  t.equal(text.length, large.length)
  await until(() => figure('http_answers_waiting_bytes'), 0)
})

t.test('where no room is left a large answer is a 503, and a small one goes out', async (t) => {
  const { port, figure } = await listen(t, { mostBytes: 10_000_000, spareMs: 60_000 })
  const socket = askAndNotRead(port)
  await once(socket, 'readable')

  const refused = await fetch(`http://127.0.0.1:${port}/large`)
  const small = await fetch(`http://127.0.0.1:${port}/small`)

  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '1')
  t.match(await refused.json(), { code: 'unavailable' })
  t.equal(await small.text(), 'small')
  t.equal(await figure('http_answers_given_up_total'), 0)
  socket.destroy()
})

t.test('a new large answer takes the room of one that has waited long', async (t) => {
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

import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { generateApiKey } from '../../src/http/api-key.ts'
import type { Caller } from '../../src/http/authentication.ts'
import { createStreamAnswer } from '../../src/http/stream-answer.ts'

const caller: Caller = { id: 'key', scopes: ['read'], lineage: 'key', rate_limit_max: null }
const key = generateApiKey()

interface Service {
  readonly chunks: () => AsyncGenerator<Buffer, void>
  readonly findCaller?: () => Promise<Caller | undefined>
  /** Called when the app has begun to close. */
  readonly onClosing?: () => void
}

async function listen(t: Test, { chunks, findCaller = async () => caller, onClosing = () => {} }: Service) {
  const app = fastify({ forceCloseConnections: 'idle' })
  const streamAnswer = createStreamAnswer(app, findCaller)
  app.addHook('preClose', async () => onClosing())
  app.get('/', async (request, reply) => {
    const headers = { 'content-type': 'text/plain', 'x-part': 'whole' }
    await streamAnswer(request, reply, { headers, chunks: chunks() })
    return reply
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return { app, port: (app.server.address() as AddressInfo).port }
}

function ask(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`)
  return socket
}

/** Chunks without an end; `ended` resolves when no more are wanted. */
function endlessChunks() {
  const ended = Promise.withResolvers<void>()
  async function* chunks(): AsyncGenerator<Buffer, void> {
    try {
      for (;;) yield Buffer.alloc(100_000)
    } finally {
      ended.resolve()
    }
  }
  return { chunks, ended: ended.promise }
}

t.test('chunks arrive in order, with the headers', async (t) => {
  const { port } = await listen(t, {
    async *chunks() {
      yield Buffer.from('one,')
      yield Buffer.from('two')
    },
  })

  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-api-key': key } })

  t.equal(answer.headers.get('x-part'), 'whole')
  t.equal(await answer.text(), 'one,two')
})

t.test('HEAD is answered with the headers, and no chunk is made', async (t) => {
  const { port } = await listen(t, {
    async *chunks() {
      t.fail('a chunk is made')
      yield Buffer.from('one')
    },
  })

  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'HEAD', headers: { 'x-api-key': key } })

  t.equal(answer.status, 200)
  t.equal(answer.headers.get('x-part'), 'whole')
  t.equal(await answer.text(), '')
})

t.test('an error before the first chunk is answered without the headers', async (t) => {
  const { port } = await listen(t, {
    async *chunks() {
      yield await Promise.reject<Buffer>(new Error('no chunk'))
    },
  })

  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-api-key': key } })

  t.equal(answer.status, 500)
  t.equal(answer.headers.get('x-part'), null)
})

t.test('an error after the first chunk cuts the answer off', async (t) => {
  const { port } = await listen(t, {
    async *chunks() {
      yield Buffer.from('one,')
      throw new Error('no second chunk')
    },
  })

  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-api-key': key } })

  await t.rejects(answer.text())
})

t.test('chunks are no longer made when the client leaves', async (t) => {
  const { chunks, ended } = endlessChunks()
  const { port } = await listen(t, { chunks })
  const socket = ask(port)
  await once(socket, 'data')

  socket.destroy()

  await t.resolves(ended)
})

t.test('a stream ends when its key is revoked, also if the client reads nothing', async (t) => {
  const { chunks, ended } = endlessChunks()
  let isLive = true
  const { port } = await listen(t, { chunks, findCaller: async () => (isLive ? caller : undefined) })
  const socket = ask(port)
  await once(socket, 'readable')

  isLive = false

  await t.resolves(ended)
  socket.resume()
  await once(socket, 'close')
})

t.test('a stream goes on while the key cannot be looked up', async (t) => {
  const lookedUp = Promise.withResolvers<void>()
  const { port } = await listen(t, {
    async *chunks() {
      yield Buffer.from('one,')
      await lookedUp.promise
      yield Buffer.from('two')
    },
    findCaller: async () => {
      lookedUp.resolve()
      throw new Error('no database')
    },
  })

  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-api-key': key } })

  t.equal(await answer.text(), 'one,two')
})

t.test('a stream is cut off when the app closes, also if the client reads nothing', async (t) => {
  const { chunks, ended } = endlessChunks()
  const { app, port } = await listen(t, { chunks })
  const socket = ask(port)
  await once(socket, 'readable')

  await app.close()

  await t.resolves(ended)
  socket.resume()
  await once(socket, 'close')
})

t.test('a stream whose first chunk is made after the app began to close is a 503', async (t) => {
  const [asked, closing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { app, port } = await listen(t, {
    async *chunks() {
      asked.resolve()
      await closing.promise
      yield Buffer.from('one')
    },
    onClosing: closing.resolve,
  })

  const answer = fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-api-key': key } })
  await asked.promise
  await app.close()

  t.equal((await answer).status, 503)
})

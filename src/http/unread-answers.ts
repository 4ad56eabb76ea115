import type { FastifyInstance } from 'fastify'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { Unavailable } from '../errors.ts'
import type { Metrics } from './metrics.ts'

interface UnreadLimits {
  /**
   * How long an answer of any size may wait for its client. The system takes a chunk of a stream only when a third of its
   * send buffer is free again: up to 1.4 MB, for which a client that reads 20 kB a second takes 70 s.
   */
  readonly patienceMs?: number
  /** A large answer may wait longer: as long as a client needs at this rate. */
  readonly bytesPerMs?: number
  /** How many bytes of all answers may wait. */
  readonly mostBytes?: number
  /** If too many bytes wait, answers that have waited this long are dropped to make room. */
  readonly spareMs?: number
}

interface UnreadAnswer {
  readonly bytes: number
  readonly readyAt: number
}

const sweepMs = 1000
// Answers up to this size are always sent; the number of connections limits them.
const smallBytes = 16_384

/**
 * Limits the answers that clients have not read. An answer that waits too long is dropped and its connection is closed. A
 * large answer for which no room is left becomes a 503. Each chunk of a stream counts as an answer while it waits.
 */
export function limitUnreadAnswers(app: FastifyInstance, metrics: Metrics, limits: UnreadLimits = {}): void {
  const unread = createUnreadAnswers(limits)
  metrics.gauge(
    'http_answers_waiting_bytes',
    'Bytes of answers that clients have not read yet.',
    unread.bytes,
  )
  metrics.counter(
    'http_answers_given_up_total',
    'Answers dropped because their clients did not read them.',
    unread.dropped,
  )

  app.addHook('onSend', async (_request, { raw }, payload) => {
    raw.once('close', () => unread.forget(raw))
    if (payload instanceof Readable) return Readable.from(unread.watch(raw, payload))
    // Node would copy a string twice before it sends it; a page of events may have 16 MB.
    const body = typeof payload === 'string' && payload.length > smallBytes ? Buffer.from(payload) : payload
    const bytes = sizeOf(body)
    if (bytes > smallBytes && !unread.makeRoom(bytes)) throw new Unavailable()
    unread.add(raw, bytes)
    return body
  })

  app.addHook('onListen', async () => {
    const sweeping = setInterval(unread.sweep, Math.min(sweepMs, limits.patienceMs ?? sweepMs))
    app.server.once('close', () => clearInterval(sweeping))
  })
}

function createUnreadAnswers({
  patienceMs = 70_000,
  bytesPerMs = 64,
  mostBytes = 20_971_520,
  spareMs = 1000,
}: UnreadLimits) {
  // In the order in which they were ready.
  const unread = new Map<ServerResponse, UnreadAnswer>()
  let waiting = 0
  let dropped = 0

  function forget(response: ServerResponse): void {
    waiting -= unread.get(response)?.bytes ?? 0
    unread.delete(response)
  }

  function drop(response: ServerResponse): void {
    forget(response)
    dropped += 1
    response.destroy()
  }

  function add(response: ServerResponse, bytes: number): void {
    forget(response)
    // A client that has left reads nothing.
    if (response.destroyed) return
    waiting += bytes
    unread.set(response, { bytes, readyAt: performance.now() })
  }

  /** Passes on chunks. The time that the next chunk takes to be made is not that of the client. */
  async function* watch(response: ServerResponse, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const chunk of chunks) {
      bytes = chunk.length
      makeRoom(bytes)
      add(response, bytes)
      yield chunk
      forget(response)
    }
    // The last chunk may still wait for the client.
    add(response, bytes)
  }

  /** Drops the answers that have waited too long. */
  function sweep(): void {
    const now = performance.now()
    for (const [response, { bytes, readyAt }] of unread) {
      if (now - readyAt > patienceMs + bytes / bytesPerMs) drop(response)
    }
  }

  /** Drops answers that have waited for `spareMs`, oldest first, until there is room. Returns whether there is. */
  function makeRoom(bytes: number): boolean {
    const now = performance.now()
    for (const [response, { readyAt }] of unread) {
      if (waiting + bytes <= mostBytes || now - readyAt < spareMs) break
      drop(response)
    }
    return waiting + bytes <= mostBytes
  }

  return { bytes: () => waiting, dropped: () => dropped, add, forget, watch, sweep, makeRoom }
}

function sizeOf(payload: unknown): number {
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0
}

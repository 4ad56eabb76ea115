import type { FastifyInstance } from 'fastify'
import type { ServerResponse } from 'node:http'
import { Unavailable } from '../errors.ts'
import type { Metrics } from './metrics.ts'

interface Bounds {
  /** How long an answer may wait for its client, however small it is. */
  readonly patienceMs?: number
  /** The service waits longer for a large answer: as long as a client needs at this rate. */
  readonly bytesPerMs?: number
  /** How many bytes of all answers may wait. */
  readonly mostBytes?: number
  /** If too many bytes wait, answers that have waited this long are given up to make room. */
  readonly spareMs?: number
}

interface Unread {
  readonly bytes: number
  readonly readyAt: number
}

const sweepMs = 1000
// Answers of this size always go out: connections are bounded in number.
const smallBytes = 16_384

/**
 * Gives up answers that their clients do not read: the connection is closed. A large answer for which there is no room
 * left becomes a 503.
 */
export function giveUpUnreadAnswers(
  app: FastifyInstance,
  metrics: Metrics,
  { patienceMs = 30_000, bytesPerMs = 64, mostBytes = 33_554_432, spareMs = 1000 }: Bounds = {},
): void {
  // In the order in which they were ready.
  const unread = new Map<ServerResponse, Unread>()
  let waiting = 0
  let givenUp = 0
  metrics.gauge(
    'http_answers_waiting_bytes',
    'Bytes of answers that clients have not read yet.',
    () => waiting,
  )
  metrics.counter('http_answers_given_up_total', 'Answers that their clients did not read.', () => givenUp)

  function forget(response: ServerResponse): void {
    waiting -= unread.get(response)?.bytes ?? 0
    unread.delete(response)
  }

  function giveUp(response: ServerResponse): void {
    forget(response)
    givenUp += 1
    response.destroy()
  }

  function sweep(): void {
    const now = performance.now()
    for (const [response, { bytes, readyAt }] of unread) {
      if (now - readyAt > patienceMs + bytes / bytesPerMs) giveUp(response)
    }
  }

  function makeRoom(bytes: number): void {
    const now = performance.now()
    for (const [response, { readyAt }] of unread) {
      if (waiting + bytes <= mostBytes || now - readyAt < spareMs) return
      giveUp(response)
    }
  }

  app.addHook('onSend', async (_request, { raw }, payload) => {
    const bytes = sizeOf(payload)
    if (bytes > smallBytes) makeRoom(bytes)
    if (bytes > smallBytes && waiting + bytes > mostBytes) throw new Unavailable()
    waiting += bytes
    unread.set(raw, { bytes, readyAt: performance.now() })
    raw.once('close', () => forget(raw))
  })

  app.addHook('onListen', async () => {
    const sweeping = setInterval(sweep, Math.min(sweepMs, patienceMs))
    app.server.once('close', () => clearInterval(sweeping))
  })
}

function sizeOf(payload: unknown): number {
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0
}

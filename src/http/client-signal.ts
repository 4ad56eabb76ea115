import type { FastifyReply } from 'fastify'

/**
 * A signal that aborts when the client disconnects. The `request.signal` of Fastify cannot serve: it aborts when the request
 * closes, which is as soon as its body is read.
 */
export function clientSignalOf({ raw }: FastifyReply): AbortSignal {
  const leaving = new AbortController()
  if (raw.destroyed) leaving.abort()
  raw.once('close', () => leaving.abort())
  return leaving.signal
}

import type { FastifyReply } from 'fastify'

/**
 * A signal that aborts once the client is gone. Fastify's own `request.signal` listens to the request, which closes as
 * soon as its body is read.
 */
export function clientSignalOf({ raw }: FastifyReply): AbortSignal {
  const leaving = new AbortController()
  if (raw.destroyed) leaving.abort()
  raw.once('close', () => leaving.abort())
  return leaving.signal
}

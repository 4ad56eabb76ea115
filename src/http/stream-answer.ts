import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { Unavailable } from '../errors.ts'
import { hashApiKey } from './api-key.ts'
import type { Authentication } from './authentication.ts'

interface StreamedAnswer {
  readonly headers: Readonly<Record<string, string>>
  /** Stopped when the client disconnects. */
  readonly chunks: AsyncGenerator<Buffer, void>
}

// A key is cached for 3 s, so its stream ends within 5 s after it was revoked.
const confirmEveryMs = 1000

/**
 * The function that sends chunks as fast as the client reads them, and resolves when the answer has ended. The connection
 * is closed when the API key of the request is revoked or expires, also while the client reads nothing, and when the app
 * closes: after its drain, if this is registered after `health`. So an answer that is not whole has no end.
 */
export function createStreamAnswer(app: FastifyInstance, findCaller: Authentication['findCaller']) {
  const streaming = new Set<ServerResponse>()
  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
    for (const response of streaming) response.destroy()
  })

  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    { headers, chunks }: StreamedAnswer,
  ): Promise<void> => {
    // Fastify would read all chunks to answer HEAD.
    if (request.method === 'HEAD') return void (await reply.headers(headers).send(Readable.from([])))
    // An error before the headers are set is answered with a problem.
    const first = await chunks.next()
    if (isClosing) throw new Unavailable()
    const keyHash = hashApiKey(request.headers['x-api-key'] as string) as Buffer
    const confirm = async () => {
      if ((await findCaller(keyHash)) === undefined) reply.raw.destroy()
    }
    // If the key cannot be looked up, the database does not answer, and the next chunk fails.
    const confirming = setInterval(() => void confirm().catch(() => {}), confirmEveryMs)
    streaming.add(reply.raw)
    const forget = () => {
      clearInterval(confirming)
      streaming.delete(reply.raw)
    }
    reply.raw.once('close', forget)
    if (reply.raw.destroyed) forget()
    await reply.headers(headers).send(Readable.from(startWith(first, chunks)))
  }
}

async function* startWith(first: IteratorResult<Buffer, void>, rest: AsyncGenerator<Buffer, void>) {
  if (first.done !== true) yield first.value
  yield* rest
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { hashApiKey } from './api-key.ts'
import type { Authentication } from './authentication.ts'

interface StreamedAnswer {
  readonly headers: Readonly<Record<string, string>>
  /** Stopped when the client disconnects. */
  readonly chunks: AsyncGenerator<Buffer, void>
  readonly findCaller: Authentication['findCaller']
}

// A key is cached for 3 s, so its stream ends within 5 s after it was revoked.
const confirmEveryMs = 1000

/**
 * Sends chunks as fast as the client reads them, and resolves when the answer has ended. The connection is closed when the
 * API key of the request is revoked or expires, also while the client reads nothing.
 */
export async function streamAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  { headers, chunks, findCaller }: StreamedAnswer,
): Promise<void> {
  // Fastify would read all chunks to answer HEAD.
  if (request.method === 'HEAD') return void (await reply.headers(headers).send(Readable.from([])))
  // An error before the headers are set is answered with a problem.
  const first = await chunks.next()
  const keyHash = hashApiKey(request.headers['x-api-key'] as string) as Buffer
  const confirm = async () => {
    if ((await findCaller(keyHash)) === undefined) reply.raw.destroy()
  }
  // If the key cannot be looked up, the database does not answer, and the next chunk fails.
  const confirming = setInterval(() => void confirm().catch(() => {}), confirmEveryMs)
  reply.raw.once('close', () => clearInterval(confirming))
  if (reply.raw.destroyed) clearInterval(confirming)
  await reply.headers(headers).send(Readable.from(startWith(first, chunks)))
}

async function* startWith(first: IteratorResult<Buffer, void>, rest: AsyncGenerator<Buffer, void>) {
  if (first.done !== true) yield first.value
  yield* rest
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Readable } from 'node:stream'
import { MalformedRequest, UnsupportedMediaType } from '../errors.ts'
import { readBytes } from './body.ts'
import { refuseUnstorable } from './json-scan.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Parses a JSON body. Errors: 400 for JSON that is not valid, or that cannot be stored unchanged. */
export function parseJson(body: Buffer): unknown {
  const text = decode(body)
  refuseUnstorable(body)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MalformedRequest('The body is not valid JSON.', { cause: error })
  }
}

function decode(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch (error) {
    throw new MalformedRequest('The body is not valid UTF-8.', { cause: error })
  }
}

/** Accepts only uncompressed application/json bodies. An empty body counts as no body. Errors: 400, 413, 415. */
export function acceptOnlyJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest, body: Readable) => {
    const { 'content-encoding': encoding = 'identity', 'content-type': type = '' } = request.headers
    const isReadable = encoding === 'identity' && !/;\s*charset=(?!"?utf-8"?\s*(?:;|$))/i.test(type)
    if (!isReadable) throw new UnsupportedMediaType()
    const bytes = await readBytes(request, body)
    return bytes.length === 0 ? undefined : parseJson(bytes)
  })
}

/** A hook for routes whose body is optional: no body is read as `{}`. */
export async function allowNoBody(request: FastifyRequest): Promise<void> {
  if (request.body === undefined) request.body = {}
}

/** Answers with a JSON text that is bytes already; the schema of the route does not serialise it again. */
export function sendJson(reply: FastifyReply, bytes: Buffer) {
  return reply.type('application/json; charset=utf-8').send(bytes)
}

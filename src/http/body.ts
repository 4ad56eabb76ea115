import type { FastifyRequest } from 'fastify'
import type { Readable } from 'node:stream'
import { MalformedRequest, PayloadTooLarge } from '../errors.ts'

/**
 * Reads the bytes of a body. Chunks are copied into one buffer as they arrive: a client may send one byte per chunk, and a
 * list of such chunks would take a hundred times the memory. Errors: 400, and 413 above the `bodyLimit` of the route.
 */
export function readBytes(
  { headers, routeOptions: { bodyLimit } }: FastifyRequest,
  body: Readable,
): Promise<Buffer> {
  const announced = Number(headers['content-length'])
  if (announced > bodyLimit) return Promise.reject(new PayloadTooLarge())
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  let bytes = Buffer.alloc(0)
  let length = 0

  const add = (chunk: Buffer) => {
    const needed = length + chunk.length
    if (needed > bodyLimit) return fail(new PayloadTooLarge())
    if (needed > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * bytes.length))
      bytes.copy(larger, 0, 0, length)
      bytes = larger
    }
    chunk.copy(bytes, length)
    length = needed
  }
  const finish = () => {
    if (!Number.isNaN(announced) && announced !== length)
      fail(new Error('The length of the body differs from Content-Length.'))
    else resolve(bytes.subarray(0, length))
  }
  const fail = (cause: Error) => {
    body.off('data', add).off('end', finish).off('error', fail)
    const isOurs = cause instanceof PayloadTooLarge
    reject(isOurs ? cause : new MalformedRequest('The body could not be read.', { cause }))
  }
  body.on('data', add).on('end', finish).on('error', fail)
  return promise
}

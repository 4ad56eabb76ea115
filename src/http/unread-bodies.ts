import type { FastifyInstance } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'

const mostBytes = 1_048_576
const longestMs = 2000

/**
 * Limits the part of a body that a client sends after its answer: to 1 MB and 2 s, then the connection is closed. Node alone
 * would read the body to its end, however long that takes. Closing at once would reset the connection, and a client that is
 * still sending might not see the answer.
 */
export function limitUnreadBodies(app: FastifyInstance): void {
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Must run before the listener of Node, which reads and discards the rest.
    response.prependOnceListener('finish', () => {
      if (!request.complete) closeSoon(request)
    })
  })
}

function closeSoon(request: IncomingMessage): void {
  const { socket } = request
  const start = socket.bytesRead
  const timer = setTimeout(() => socket.destroy(), longestMs)
  request.once('close', () => clearTimeout(timer))
  // The listener of an iterator that was not read to its end would keep the stream paused.
  request.removeAllListeners('readable')
  // Listen to the request, not to the socket: with a data listener on the socket, Node parses three times as slowly.
  request.on('data', ({ buffer, byteLength }: Buffer<ArrayBuffer>) => {
    // Free the chunk now: waiting for the garbage collector costs three times the CPU of the whole request.
    if (buffer.byteLength === byteLength) buffer.transfer(0)
    if (socket.bytesRead - start > mostBytes) socket.destroy()
  })
}

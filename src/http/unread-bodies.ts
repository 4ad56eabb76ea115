import type { FastifyInstance } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'

const mostBytes = 1_048_576
const longestMs = 2000

/**
 * Bounds what a client sends of a body after its answer. Node reads such a body to its end, however long that takes; to
 * close at once would reset the connection, and a client that is still sending might never see the answer.
 */
export function limitUnreadBodies(app: FastifyInstance): void {
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Before Node's own listener, which would drop the rest uncounted.
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
  // An iterator that was left in the middle still listens, and keeps the stream from flowing.
  request.removeAllListeners('readable')
  // Not the socket's own data: Node parses a socket that somebody listens to three times as slowly.
  request.on('data', () => {
    if (socket.bytesRead - start > mostBytes) socket.destroy()
  })
}

import type { FastifyInstance } from 'fastify'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { v7 as uuid } from 'uuid'
import { HeadersTooLarge, MalformedRequest, RequestTimeout, RouteNotFound } from '../errors.ts'
import { isUploading } from './ndjson.ts'
import { known, toProblem } from './problems.ts'

/** Answers, on the socket, an error that occurred before there was a request. */
export function answerSocketError(thrown: NodeJS.ErrnoException, socket: Socket): void {
  if (thrown.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isUploading(socket)) return
  if (thrown.code === 'ECONNRESET' || !socket.writable || hasAnswered(socket)) {
    socket.destroy()
    return
  }
  refuse(socket, toError(thrown))
}

/** Replaces the answers that Node itself gives to CONNECT, Expect and a missing Host, because they are not problems. */
export function overrideNodeAnswers(app: FastifyInstance): void {
  const { server } = app
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    server.emit('request', request, response)
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => refuse(socket, new RouteNotFound()))
  // A server may ignore an expectation that it does not know (RFC 9110).
  server.on('checkExpectation', handle)
  // A client that waits for `100 Continue` gets it in preParsing, after its API key has been checked.
  server.on('checkContinue', handle)
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (/^100-continue$/i.test(request.headers.expect ?? '')) reply.raw.writeContinue()
    done(null, payload)
  })
  app.addHook('onRequest', async ({ raw, headers }) => {
    if (headers.host === undefined && raw.httpVersion === '1.1')
      throw new MalformedRequest('The request has no Host header.')
  })
}

function toError({ code }: NodeJS.ErrnoException): Error {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RequestTimeout('The request took too long to arrive.')
  if (code === 'HPE_HEADER_OVERFLOW') return new HeadersTooLarge()
  return new MalformedRequest('This is not a valid HTTP request.')
}

function refuse(socket: Duplex, error: Error): void {
  const id = uuid()
  const problem = toProblem(known(error), id)
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nX-Request-Id: ${id}\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  )
}

// A second answer would corrupt the first one if that has begun.
function hasAnswered(socket: Socket & { _httpMessage?: ServerResponse }): boolean {
  return socket._httpMessage?.headersSent === true
}

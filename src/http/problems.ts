import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { STATUS_CODES } from 'node:http'
import type { TSchema } from '@sinclair/typebox'
import * as errors from '../errors.ts'
import { errorCodes, Problem } from '../values/problem.ts'
import { ref } from '../values/schemas.ts'
import { describeFault } from './fault-sentences.ts'

/** An error of pg. Some have no code. */
interface DriverError extends Error {
  readonly code?: string
}

interface ApiError extends Error {
  readonly code: string
  readonly statusCode: number
  readonly faults?: readonly errors.Fault[]
  readonly retryAfter?: number
}

const mostFaults = 100
const longestName = 80

/** Answers every error of the app with a problem of the catalogue. Logs those with status 500 and 503. */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    const error = translateSafely(thrown, request)
    if (error.statusCode === 500) request.log.error({ err: thrown }, 'request failed')
    else if (error.statusCode === 503) request.log.warn({ err: thrown }, 'request refused')
    return answer(error, request, reply)
  })
}

/** Answers a request that matches no route. */
export function answerUnknownRoute(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return answer(known(new errors.RouteNotFound()), request, reply)
}

/** For the option `frameworkErrors` of Fastify: answers errors that occur before routing. */
export function answerFrameworkError(
  thrown: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  void answer(translate(thrown), request, reply)
}

function answer(error: ApiError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const retryAfter = error.retryAfter ?? (error.statusCode === 503 ? 1 : undefined)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  return reply
    .header('x-request-id', request.id)
    .header('cache-control', 'no-store')
    .code(error.statusCode)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(toProblem(error, request.id))
}

/** The body of a problem, with at most 100 faults. */
export function toProblem(error: ApiError, requestId: string): Problem {
  const code = error.code.toLowerCase()
  return {
    type: `/docs/errors#${code}`,
    title: STATUS_CODES[error.statusCode] ?? 'Error',
    status: error.statusCode,
    code,
    detail: error.message,
    request_id: requestId,
    errors: error.faults?.slice(0, mostFaults) ?? [],
  }
}

// Fastify would answer an error of the error handler itself, not as a problem, and not log it.
function translateSafely(thrown: FastifyError, { log }: FastifyRequest): ApiError {
  try {
    return translate(thrown)
  } catch (err) {
    log.error({ err }, 'an error could not be translated')
    return known(new errors.InternalError())
  }
}

function translate(thrown: FastifyError): ApiError {
  if (errorCodes.includes(thrown.code?.toLowerCase())) return known(thrown)
  if (thrown.validation !== undefined) return known(errors.invalid(toFaults(thrown)))
  if (isDatabaseError(thrown)) return translateDatabaseError(thrown)
  return translateFrameworkError(thrown)
}

const parts: Readonly<Record<string, string>> = {
  querystring: 'parameter',
  params: 'parameter',
  headers: 'header',
}

/** The faults that Ajv found, at most 100, with the names of clients shortened. */
export function toFaults({
  validation = [],
  validationContext = 'body',
}: Pick<FastifyError, 'validation' | 'validationContext'>): errors.Fault[] {
  const isBody = validationContext === 'body'
  const faults = validation.slice(0, mostFaults).map((fault): errors.Fault => {
    const { instancePath, params, keyword } = fault
    const property = (params['missingProperty'] ?? params['additionalProperty']) as string | undefined
    const path = property === undefined ? instancePath : `${instancePath}/${escapePointer(shorten(property))}`
    const subject = parts[validationContext] ?? (property === undefined ? 'value' : 'field')
    const hint = !isBody && path === '/offset' && keyword === 'maximum' ? '; use a cursor to go further' : ''
    return {
      pointer: isBody ? path : path.slice(1),
      detail: `The ${subject} ${describeFault(fault)}${hint}.`,
    }
  })
  // A text that breaks both its pattern and its format has one sentence for both.
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()]
}

/**
 * The name of a property that a client sent, cut to 80 characters. Control characters are replaced, because JSON needs six
 * characters for each.
 */
function shorten(name: string): string {
  const text = name.length > longestName ? `${name.slice(0, longestName)}…` : name
  return text.toWellFormed().replace(/\p{Cc}/gu, '\ufffd')
}

function escapePointer(text: string): string {
  return text.replaceAll('~', '~0').replaceAll('/', '~1')
}

function translateFrameworkError(thrown: FastifyError): ApiError {
  switch (thrown.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return known(new errors.PayloadTooLarge())
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_CONTENT_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
      return known(new errors.UnsupportedMediaType())
    case 'FST_ERR_NOT_FOUND':
      return known(new errors.RouteNotFound())
    default:
  }
  const isClientError = thrown.statusCode !== undefined && thrown.statusCode >= 400 && thrown.statusCode < 500
  if (isClientError) return known(new errors.MalformedRequest('The request is malformed.'))
  return known(new errors.InternalError())
}

// SQLSTATE codes that mean that the database cannot serve the request now.
const busy = /^(?:40001|40P01|55...|57014|53...|08...|57P0.|25006|25P03|58...)$/
const lostConnection = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|CONNECT_TIMEOUT)$/
const poolMessages =
  /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|Cannot use a pool after calling end/

function isDatabaseError({ code = '', message }: DriverError): boolean {
  return /^[0-9A-Z]{5}$/.test(code) || lostConnection.test(code) || poolMessages.test(message)
}

function translateDatabaseError({ code = '', message }: DriverError): ApiError {
  // A constraint violation is a race with another request: use cases check before they write.
  if (code === '23505') return known(new errors.Conflict())
  if (code === '23503') return known(new errors.UnknownReference())
  if (code.startsWith('22'))
    return known(new errors.MalformedRequest('The request contains a value that cannot be stored.'))
  if (busy.test(code) || lostConnection.test(code) || poolMessages.test(message)) {
    return known(new errors.Unavailable())
  }
  return known(new errors.InternalError())
}

/** Types an error of the catalogue, which `createError` types as a plain one. */
export function known(error: Error): ApiError {
  return error as ApiError
}

/** The answers of an operation: its successes, the errors that every route with a key may send, and `refusals`. */
export function answers<const Successes extends Readonly<Record<number, TSchema>>>(
  successes: Successes,
  ...refusals: readonly number[]
): Successes {
  const problems = [400, 401, 403, ...refusals, 429, 500, 503].map((status) => [status, ref(Problem)])
  return { ...successes, ...(Object.fromEntries(problems) as object) }
}
